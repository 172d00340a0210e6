"""Charges as documents: what was paid without an order, and what became of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from shared import mongo
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.charges import Charge
from split.store.orders import Place, changes_of

CHARGES: Final = "charges"
INDEXES: Final[dict[str, list[Index]]] = {
    CHARGES: [
        # Only adjustments of an order are in it; for whoever traces the order.
        Index([("marketplace", UP), ("adjusts.order_id", UP)], partial={"adjusts.order_id": {"$exists": True}}),
        # Only charges of which a leg came back are in these; for `due`, and for `for_operators`.
        Index([("look_at", UP)], partial={"look_at": {"$exists": True}}),
        Index([("marketplace", UP), ("operator_at", UP), ("_id", UP)], partial={"operator_at": {"$exists": True}}),
    ],
}


class Charges:
    """Charges of one database."""

    def __init__(self, database: Database) -> None:
        self._charges = database[CHARGES]

    async def load(self, keys: Iterable[str], session: Session) -> dict[str, Charge]:
        """Return those of these charges that are there."""
        return {it["_id"]: msgspec.convert(it, Charge) for it in await mongo.by_ids(self._charges, keys, session)}

    async def find(self, key: str) -> Charge | None:
        """Return one charge for a reader."""
        it = await self._charges.find_one({"_id": key})
        return None if it is None else msgspec.convert(it, Charge)

    async def due(self, now: datetime, limit: int) -> list[str]:
        """Return keys of charges whose legs time alone may let go, the longest due first."""
        cursor = self._charges.find({"look_at": {"$lte": now}}, {"_id": 1}).sort("look_at", UP).limit(limit)
        return [it["_id"] for it in await cursor.to_list(None)]

    async def for_operators(self, marketplace: str, after: Place | None, limit: int) -> list[Charge]:
        """Return up to `limit` charges after a place of which a leg waits for an operator, the oldest first."""
        query: Document = {"marketplace": marketplace, "operator_at": {"$exists": True}}
        if after is not None:
            moment, key = after
            query["operator_at"] = {"$gte": moment}
            query["$or"] = [{"operator_at": {"$gt": moment}}, {"_id": {"$gt": key}}]
        cursor = self._charges.find(query).sort([("operator_at", UP), ("_id", UP)]).limit(limit)
        return [msgspec.convert(it, Charge) for it in await cursor.to_list(None)]

    def add(self, work: Work, charge: Charge) -> None:
        """Record a charge."""
        fields = msgspec.to_builtins(charge, builtin_types=(datetime,))
        work.insert(CHARGES, {"_id": charge.key, **fields, "made_at": work.now})

    def change(self, work: Work, before: Charge, after: Charge) -> None:
        """Write what differs between two states of a charge."""
        if change := changes_of(before, after):
            work.update(CHARGES, after.key, change)
