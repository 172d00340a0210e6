"""Stops as documents: one a target, read whole by every unit of work, and each change of one kept for ever."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.stops import DEBTS, STOPS_MAX, Change, Stops, Target, stops_of

STOPS: Final = "stops"
CHANGES: Final = "stop_changes"
PAUSED: Final = {"paused": True}
INDEXES: Final[dict[str, list[Index]]] = {
    # Only what is paused is in it: nearly always nothing.
    STOPS: [
        Index([("marketplace", UP), ("_id", UP)], partial=PAUSED),
        Index([("actor", UP), ("_id", UP)], partial=PAUSED),
    ],
    CHANGES: [Index([("marketplace", UP), ("at", UP), ("_id", UP)])],
}

type Place = tuple[datetime, str]
"""Where in the changes of a marketplace: when, then the key."""


class StopStore:
    """Stops of one database."""

    def __init__(self, database: Database) -> None:
        self._stops = database[STOPS]
        self._changes = database[CHANGES]

    async def paused(self, marketplaces: Iterable[str], session: Session) -> dict[str, Stops]:
        """Return what is paused in these marketplaces, in one read; those where nothing is are left out."""
        wanted = set(marketplaces)
        query = {"marketplace": {"$in": list(wanted)}} | PAUSED
        cursor = self._stops.find(query, session=session, batch_size=STOPS_MAX * len(wanted) + 1)
        by_marketplace: dict[str, tuple[list[Target], list[Target]]] = {}
        for it in await cursor.to_list(None):
            by_people, debtors = by_marketplace.setdefault(it["marketplace"], ([], []))
            (debtors if it["actor"] == DEBTS else by_people).append(msgspec.convert(it, Target))
        return {marketplace: stops_of(*found) for marketplace, found in by_marketplace.items()}

    async def paused_by(self, target: Target, session: Session) -> str | None:
        """Return who has paused this very target; None when it is not paused."""
        found = await self._stops.find_one({"_id": target.key} | PAUSED, {"actor": 1}, session=session)
        return None if found is None else str(found["actor"])

    async def count(self, marketplace: str, session: Session) -> int:
        """Return how many stops a marketplace has now."""
        return await self._stops.count_documents({"marketplace": marketplace} | PAUSED, session=session)

    async def page(self, marketplace: str, after: str | None, limit: int) -> list[Change]:
        """Return up to `limit` of what is paused, each with the change that paused it, by key after a key."""
        query: Document = {"marketplace": marketplace} | PAUSED
        if after is not None:
            query["_id"] = {"$gt": after}
        found = await self._stops.find(query).sort("_id", UP).limit(limit).to_list(None)
        return [_change(it) for it in found]

    async def by(self, actor: str) -> list[Change]:
        """Return what this actor has paused, in all marketplaces, and nobody has resumed."""
        found = await self._stops.find({"actor": actor} | PAUSED).sort("_id", UP).to_list(None)
        return [_change(it) for it in found]

    async def change(self, key: str, session: Session) -> Change | None:
        """Return a change that was made, by `<marketplace>/<change id>`."""
        found = await self._changes.find_one({"_id": key}, session=session)
        return None if found is None else _change(found)

    async def changes(self, marketplace: str, after: Place | None, limit: int) -> list[Change]:
        """Return up to `limit` changes after a place, the oldest first."""
        query: Document = {"marketplace": marketplace}
        if after is not None:
            moment, key = after
            query["at"] = {"$gte": moment}
            query["$or"] = [{"at": {"$gt": moment}}, {"_id": {"$gt": key}}]
        found = await self._changes.find(query).sort([("at", UP), ("_id", UP)]).limit(limit).to_list(None)
        return [_change(it) for it in found]

    def record(self, work: Work, change: Change) -> None:
        """Write a change, and what it makes of its target."""
        target = change.target
        fields: Document = msgspec.structs.asdict(target) | {"change_id": change.change_id, "paused": change.paused}
        fields |= {"actor": change.actor, "reason": change.reason, "at": change.at}
        work.insert(CHANGES, {"_id": f"{target.marketplace}/{change.change_id}", **fields})
        work.update(STOPS, target.key, {"$set": fields}, upsert=True)


def _change(found: Document) -> Change:
    target = msgspec.convert(found, Target)
    return Change(
        change_id=found["change_id"],
        target=target,
        paused=found["paused"],
        actor=found["actor"],
        reason=found["reason"],
        at=found["at"],
    )
