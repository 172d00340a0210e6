"""Approvals as documents: read by their id in a unit of work, and listed by state and age."""

from datetime import datetime
from typing import Final

import msgspec

from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.approvals import Approval, State

APPROVALS: Final = "approvals"
INDEXES: Final[dict[str, list[Index]]] = {
    # For the list; what is due to expire stands in the same order as what was asked.
    APPROVALS: [
        Index([("marketplace", UP), ("state", UP), ("expires_at", UP), ("_id", UP)]),
        # Only what nobody has decided is in it; for the gauge.
        Index([("expires_at", UP)], partial={"state": "requested"}),
    ],
}

type Place = tuple[datetime, str]
"""Where in the list of one state: when it expires, then the id."""


class Approvals:
    """Approvals of one database."""

    def __init__(self, database: Database) -> None:
        self._approvals = database[APPROVALS]

    async def find(self, key: str, session: Session | None = None) -> Approval | None:
        """Return one, by `<marketplace>/<approval id>`."""
        found = await self._approvals.find_one({"_id": key}, session=session)
        return None if found is None else _approval(found)

    async def page(
        self, marketplace: str, state: State, now: datetime, after: Place | None, limit: int
    ) -> list[Approval]:
        """Return up to `limit` approvals that are in a state now, the longest asked for first, after a place."""
        # Nobody writes that one has expired: it is a requested one whose time is over.
        stored = "requested" if state == "expired" else state
        expires_at: Document = {"requested": {"$gt": now}, "expired": {"$lte": now}}.get(state, {})
        query: Document = {"marketplace": marketplace, "state": stored}
        if after is not None:
            moment, identity = after
            query["$or"] = [{"expires_at": {"$gt": moment}}, {"expires_at": moment, "_id": {"$gt": identity}}]
            expires_at = {"$gte": max(moment, expires_at.pop("$gt", moment)), **expires_at}
        if expires_at:
            query["expires_at"] = expires_at
        cursor = self._approvals.find(query).sort([("expires_at", UP), ("_id", UP)]).limit(limit)
        return [_approval(it) for it in await cursor.to_list(None)]

    def add(self, work: Work, approval: Approval) -> None:
        """Record a request."""
        fields = msgspec.to_builtins(approval, builtin_types=(datetime,))
        work.insert(APPROVALS, {"_id": approval.key, **fields})

    def change(self, work: Work, approval: Approval) -> None:
        """Record what became of it."""
        fields = msgspec.to_builtins(approval, builtin_types=(datetime,))
        work.update(APPROVALS, approval.key, {"$set": fields})


def _approval(found: Document) -> Approval:
    return msgspec.convert(found, Approval)
