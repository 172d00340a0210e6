"""What rests and what waits for people, counted for the gauges: reads of partial indexes that hold nothing else."""

from datetime import datetime
from typing import Final, NamedTuple

from shared.mongo import UP, Database, Document
from split.store.approvals import APPROVALS
from split.store.charges import CHARGES
from split.store.orders import ORDERS, STANDING

ORDERS_MAX: Final = 5_000
"""So many orders with money that stands still are looked at, the oldest first, so that ages are right in any case."""
CAME_BACK: Final = "came_back"
"""The reason of all legs that came back: an institution's own words are no names of a gauge."""
BY_OPERATOR: Final = [("marketplace", UP), ("operator_at", UP), ("_id", UP)]


class Waiting(NamedTuple):
    """How many there are, and since when the oldest waits; None where there is none."""

    number: int
    since: datetime | None


class Resting:
    """Reads over all marketplaces of one database."""

    def __init__(self, database: Database) -> None:
        self._orders = database[ORDERS]
        self._charges = database[CHARGES]
        self._approvals = database[APPROVALS]

    async def by_reason(self) -> dict[str, Waiting]:
        """Return the orders with money that rests, by the first word of its reason; the age is that of the order."""
        came_back: Document = {"$and": [{"$ifNull": ["$shares.since", False]}, {"$gt": ["$shares.attempt", 0]}]}
        word: Document = {"$arrayElemAt": [{"$split": ["$shares.reason", ":"]}, 0]}
        shown = ("origin_time", *(f"shares.{it}" for it in ("state", "reason", "since", "attempt", "payout_id")))
        rests = [
            {"shares.state": {"$in": ["held", "available"]}},
            {"shares.state": "in_transit", "shares.payout_id": ""},
        ]
        stages: list[Document] = [
            {"$match": STANDING},
            {"$sort": {"origin_time": UP}},
            {"$limit": ORDERS_MAX},
            {"$project": dict.fromkeys(shown, 1)},
            {"$unwind": "$shares"},
            {"$match": {"$or": rests}},
            {
                "$group": {
                    "_id": {"order": "$_id", "reason": {"$cond": [came_back, CAME_BACK, word]}},
                    "at": {"$first": "$origin_time"},
                }
            },
            {"$group": {"_id": "$_id.reason", "count": {"$sum": 1}, "since": {"$min": "$at"}}},
        ]
        found = await self._orders.aggregate(stages).to_list(None)
        return {it["_id"]: Waiting(it["count"], it["since"]) for it in found}

    async def with_operators(self) -> Waiting:
        """Return the orders and charges of which a leg waits for an operator."""
        stages: list[Document] = [
            {"$match": {"operator_at": {"$exists": True}}},
            {"$group": {"_id": None, "count": {"$sum": 1}, "since": {"$min": "$operator_at"}}},
        ]
        found = [
            Waiting(it["count"], it["since"])
            for collection in (self._orders, self._charges)
            for it in await collection.aggregate(stages, hint=dict(BY_OPERATOR)).to_list(None)
        ]
        return Waiting(sum(it.number for it in found), min((it.since for it in found if it.since), default=None))

    async def approvals(self, now: datetime) -> Waiting:
        """Return what was asked for and waits for a second person, while that may still come."""
        stages: list[Document] = [
            {"$match": {"state": "requested", "expires_at": {"$gt": now}}},
            {"$group": {"_id": None, "count": {"$sum": 1}, "since": {"$min": "$requested_at"}}},
        ]
        found = await self._approvals.aggregate(stages).to_list(None)
        return Waiting(found[0]["count"], found[0]["since"]) if found else Waiting(0, None)
