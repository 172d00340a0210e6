"""How bindings are stored: without the number of the bank account."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from payments.domain.bindings import Binding, look_at
from payments.store.orders import EPOCH
from shared import mongo
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

WAITING: Final = {"ask_at": {"$gt": EPOCH}}

INDEXES: Final[dict[str, list[Index]]] = {
    "bindings": [
        Index([("ask_at", UP)], partial=WAITING),
        Index([("number", UP)]),
        Index([("marketplace", UP), ("_id", UP)]),
    ]
}


class Known(msgspec.Struct, frozen=True):
    """A binding that is there, and the answers that were taken: by their keys, as keyed by who answered."""

    binding: Binding
    answers: dict[str, str]


class Bindings:
    """Bindings of one database, by `<marketplace>/<binding id>`."""

    def __init__(self, database: Database) -> None:
        self._bindings = database.bindings

    async def known(self, keys: Iterable[str], session: Session | None = None) -> dict[str, Known]:
        """Return those of these that are there."""
        found = await mongo.by_ids(self._bindings, keys, session)
        return {it["_id"]: Known(_binding(it), it["answers"]) for it in found}

    def record(self, work: Work, before: Binding | None, after: Binding) -> None:
        """Record a binding as it stands now."""
        fields = msgspec.to_builtins(after, builtin_types=(datetime,)) | {"ask_at": look_at(after, work.now)}
        if before is None:
            work.insert("bindings", {"_id": after.key, **fields, "answers": {}})
        elif before.requested != after.requested:
            work.update("bindings", after.key, {"$set": fields | {"answers": {}}})
        else:
            work.update("bindings", after.key, {"$set": fields})

    def answer(self, work: Work, after: Binding, key: str, actor: str) -> None:
        """Record that the merchant has answered: by whom, under which key."""
        fields = {"answering": after.answering, "attempts": after.attempts, "ask_at": look_at(after, work.now)}
        work.update("bindings", after.key, {"$set": fields | {f"answers.{key}": actor}})

    async def due(self, now: datetime, count: int, session: Session) -> list[Binding]:
        """Return bindings that are to be looked at by now, the longest due first."""
        query = {"ask_at": {"$gt": EPOCH, "$lte": now}}
        found = self._bindings.find(query, session=session).sort("ask_at", UP).limit(count)
        return [_binding(it) for it in await found.to_list(count)]

    def hand_over(self, work: Work, it: Binding, until: datetime) -> None:
        """Record that a lane has it until then."""
        work.update("bindings", it.key, {"$set": {"ask_at": until}})

    async def make_due(self, numbers: Iterable[str], now: datetime) -> int:
        """Have these looked at now, by their numbers, as far as they are not final; return how many."""
        query = {"number": {"$in": list(numbers)}, "ask_at": {"$gt": now}}
        return (await self._bindings.update_many(query, {"$set": {"ask_at": now}})).modified_count

    async def show(self, key: str) -> Document | None:
        """Return one as it is stored."""
        found: Document | None = await self._bindings.find_one({"_id": key})
        return found

    async def of_marketplace(self, marketplace: str, after: str, count: int) -> list[Document]:
        """Return a page of a marketplace's, by their keys."""
        query = {"marketplace": marketplace, "_id": {"$gt": after}}
        found: list[Document] = await self._bindings.find(query).sort("_id", UP).limit(count).to_list(count)
        return found


def _binding(document: Document) -> Binding:
    return msgspec.convert(document, Binding)
