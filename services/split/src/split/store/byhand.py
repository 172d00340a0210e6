"""What operators did to the holds of orders: kept for ever, one document a change."""

from datetime import datetime
from typing import Final

import msgspec

from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.byhand import Change

CHANGES: Final = "freeze_changes"
INDEXES: Final[dict[str, list[Index]]] = {
    # Those of one order, the oldest first.
    CHANGES: [Index([("order", UP), ("at", UP), ("_id", UP)])],
}

type Place = tuple[datetime, str]
"""Where in the changes of an order: when, then the key."""


class FreezeChanges:
    """Freezes that were made, changed and let go by hand."""

    def __init__(self, database: Database) -> None:
        self._changes = database[CHANGES]

    async def find(self, key: str, session: Session) -> Change | None:
        """Return a change that was made, by `<marketplace>/<change id>`."""
        found = await self._changes.find_one({"_id": key}, session=session)
        return None if found is None else msgspec.convert(found, Change)

    async def page(self, order: str, after: Place | None, limit: int) -> list[Change]:
        """Return up to `limit` changes of an order, the oldest first, after a place."""
        query: Document = {"order": order}
        if after is not None:
            moment, key = after
            query["at"] = {"$gte": moment}
            query["$or"] = [{"at": {"$gt": moment}}, {"_id": {"$gt": key}}]
        cursor = self._changes.find(query).sort([("at", UP), ("_id", UP)]).limit(limit)
        return [msgspec.convert(it, Change) for it in await cursor.to_list(None)]

    def add(self, work: Work, change: Change) -> None:
        """Record a change."""
        fields = msgspec.to_builtins(change, builtin_types=(datetime,))
        work.insert(CHANGES, {"_id": change.key, "order": change.order, **fields})
