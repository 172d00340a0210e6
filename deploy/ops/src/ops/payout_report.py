"""What each receiver was paid, from the payouts that payments carried out. Adds up; judges nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from ops.stores import Stores, prefixed


@dataclass(frozen=True, slots=True)
class Row:
    """One receiver in one currency. `returned_minor` is what a bank sent back after it was paid."""

    marketplace: str
    receiver: str
    currency: str
    count: int
    paid_minor: int
    returned_minor: int
    net_minor: int


async def rows(stores: Stores, marketplace: str | None) -> AsyncIterator[Row]:
    """Go through the receivers, by marketplace, receiver and currency. MongoDB adds up, on disk where it must."""
    returned = {"$cond": [{"$eq": ["$legs.state", "returned"]}, "$legs.amount_minor", 0]}
    pipeline: list[dict[str, Any]] = [
        {"$match": prefixed(marketplace)},
        {"$unwind": "$legs"},
        {"$match": {"legs.state": {"$in": ["succeeded", "returned"]}}},
        {
            "$group": {
                "_id": {"marketplace": "$marketplace", "receiver": "$legs.receiver", "currency": "$currency"},
                "count": {"$sum": 1},
                "paid": {"$sum": "$legs.amount_minor"},
                "returned": {"$sum": returned},
            }
        },
        {"$sort": {"_id": 1}},
    ]
    async for it in stores.payments.payouts.aggregate(pipeline, allowDiskUse=True):
        key, paid, back = it["_id"], int(it["paid"]), int(it["returned"])
        yield Row(key["marketplace"], key["receiver"], key["currency"], it["count"], paid, back, paid - back)
