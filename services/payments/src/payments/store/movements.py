"""Every movement that an institution told of, once: what was told of it, or what it waits for."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from payments.domain.movements import Kept, Movement
from payments.store.orders import EPOCH
from shared import mongo
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

WAITING: Final = {"due_at": {"$gt": EPOCH}}
WAITING_MAX: Final = 1_000
"""Movements of one account that wait and are looked at together."""

INDEXES: Final[dict[str, list[Index]]] = {
    "movements": [
        Index([("due_at", UP), ("account", UP)], partial=WAITING),
        Index([("marketplace", UP), ("_id", UP)]),
    ]
}


class Movements:
    """Movements of one database, by `<account>/<kind>/<movement id>`."""

    def __init__(self, database: Database) -> None:
        self._movements = database.movements

    async def known(self, keys: Iterable[str], session: Session) -> set[str]:
        """Return those of these that are known."""
        return {it["_id"] for it in await mongo.by_ids(self._movements, keys, session, {"_id": 1})}

    async def waiting(self, account: str, session: Session) -> list[Movement]:
        """Return what waits of an account, in the order in which it happened."""
        query = {**WAITING, "account": account}
        found = await self._movements.find(query, session=session).to_list(WAITING_MAX)
        return sorted((msgspec.convert(it, Movement) for it in found), key=lambda it: (it.seen_at, it.place))

    async def due(self, now: datetime, count: int) -> set[str]:
        """Return the accounts of movements that are to be looked at again by now."""
        query = {"due_at": {"$gt": EPOCH, "$lte": now}}
        found = self._movements.find(query, {"account": 1}).sort("due_at", UP).limit(count)
        return {it["account"] for it in await found.to_list(count)}

    def add(self, work: Work, it: Movement, kept: Kept) -> None:
        """Record a movement that was not known."""
        work.insert("movements", {"_id": it.key, **msgspec.to_builtins(it, builtin_types=(datetime,)), **_kept(kept)})

    def settle(self, work: Work, it: Movement, kept: Kept) -> None:
        """Record what is done about one that waited."""
        work.update("movements", it.key, {"$set": _kept(kept)})

    async def of_marketplace(self, marketplace: str, after: str, count: int) -> list[Document]:
        """Return a page of a marketplace's movements, by their keys."""
        query = {"marketplace": marketplace, "_id": {"$gt": after}}
        found: list[Document] = await self._movements.find(query).sort("_id", UP).limit(count).to_list(count)
        return found

    async def unowned(self, count: int) -> list[Document]:
        """Return movements of nobody's accounts."""
        found: list[Document] = await self._movements.find({**WAITING, "state": "unowned"}).limit(count).to_list(count)
        return found


def _kept(kept: Kept) -> Document:
    return {
        "state": kept.state,
        "marketplace": kept.marketplace,
        "order": kept.order,
        "detail": kept.detail,
        "due_at": kept.again_at,
    }
