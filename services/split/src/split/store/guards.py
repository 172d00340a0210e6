"""Guards as documents, one a merchant and currency: read in one find a batch, written by whoever decides by one.

Two transactions that write one guard conflict, also where both make it, and one of them runs again.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Final

import msgspec

from shared import mongo
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.guards import FRESH, Guard

GUARDS: Final = "guards"
OPTIONAL: Final = ("debt_since", "cap_day", "capped_minor", "accrual", "accrued_minor")
"""Fields that are not kept while they say nothing."""
IN_DEBT: Final = {"debt_since": {"$exists": True}}
INDEXES: Final[dict[str, list[Index]]] = {
    # Only merchants that owe are in them; for the gauge, and for who looks after debts.
    GUARDS: [
        Index([("debt_since", UP)], partial=IN_DEBT),
        Index([("marketplace", UP), ("debt_since", UP), ("_id", UP)], partial=IN_DEBT),
    ],
}

type Place = tuple[datetime, str]
"""Where among those that owe: since when, then the key."""


def key_of(marketplace: str, merchant: str, currency: str) -> str:
    """Return the id of a guard. None of its parts has a slash."""
    return f"{marketplace}/{merchant}/{currency}"


class Guards:
    """Reads in the snapshot of a unit of work, and what is to be written at its end."""

    def __init__(self, database: Database) -> None:
        self._guards = database[GUARDS]

    async def load(self, keys: Iterable[str], session: Session) -> dict[str, Guard]:
        """Return all of these guards, in one read; one that was never written is fresh."""
        guards = dict.fromkeys(keys, FRESH)
        for it in await mongo.by_ids(self._guards, guards, session):
            guards[it["_id"]] = msgspec.convert(it, Guard)
        return guards

    def change(self, work: Work, key: str, before: Guard, after: Guard) -> None:
        """Write a guard by which this unit has decided, once a unit, also when nothing in it differs.

        `before` is what `load` gave in this unit's snapshot: its version tells whether the guard is there.
        """
        fields: Document = msgspec.structs.asdict(after) | {"version": before.version + 1}
        absent = {name: "" for name in OPTIONAL if not fields[name]}
        fields["marketplace"] = key.partition("/")[0]
        change: Document = {"$set": {name: value for name, value in fields.items() if name not in absent}}
        if before.version == 0:
            work.update(GUARDS, key, change, upsert=True)
        else:
            work.update(GUARDS, key, change | ({"$unset": absent} if absent else {}))

    async def debt_since(self) -> datetime | None:
        """Return since when the oldest debt of any merchant is owed."""
        found = await self._guards.find_one(IN_DEBT, {"_id": 0, "debt_since": 1}, sort=[("debt_since", UP)])
        return found["debt_since"] if found else None

    async def owing(self) -> AsyncIterator[tuple[str, Guard]]:
        """Return every guard of a merchant that owes, of all marketplaces, with its key; the oldest debt first."""
        async for it in self._guards.find(IN_DEBT).sort("debt_since", UP):
            yield it["_id"], msgspec.convert(it, Guard)

    async def in_debt(self, marketplace: str, after: Place | None, limit: int) -> list[tuple[Place, Guard]]:
        """Return up to `limit` guards of merchants that owe, after a place, the oldest debt first."""
        query: Document = {"marketplace": marketplace, "debt_since": {"$exists": True}}
        if after is not None:
            moment, key = after
            query["debt_since"] = {"$gte": moment}
            query["$or"] = [{"debt_since": {"$gt": moment}}, {"_id": {"$gt": key}}]
        cursor = self._guards.find(query).sort([("debt_since", UP), ("_id", UP)]).limit(limit)
        return [((it["debt_since"], it["_id"]), msgspec.convert(it, Guard)) for it in await cursor.to_list(None)]
