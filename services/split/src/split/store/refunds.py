"""Refunds as documents beside their orders: by state, for operators and the gauges. The orders themselves decide.

Each is written with its order, in the same transaction; nothing is ever decided by it.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.mongo import UP, Database, Document, Index
from shared.work import Work
from split.domain.orders import Order
from split.domain.refunds import Kind, Refund, State

REFUNDS: Final = "refunds"
COUNTED_MAX: Final = 10_000
"""More that wait are told as so many."""
INDEXES: Final[dict[str, list[Index]]] = {
    REFUNDS: [
        # For the list of one state, the longest in it first.
        Index([("marketplace", UP), ("state", UP), ("since", UP), ("_id", UP)]),
        # For the gauges, over all marketplaces.
        Index([("state", UP), ("since", UP)]),
    ],
}

type Place = tuple[datetime, str]
"""Where in the list of one state: since when, then the key."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One refund as it is listed. `since`: when it came to its state; minor units."""

    key: str = msgspec.field(name="_id")
    marketplace: str
    order_id: str
    refund_id: str
    kind: Kind
    state: State
    reason: str
    currency: str
    amount_minor: int
    since: datetime


class Refunds:
    """Reads of one database."""

    def __init__(self, database: Database) -> None:
        self._refunds = database[REFUNDS]

    async def page(self, marketplace: str, state: State, after: Place | None, limit: int) -> list[Listed]:
        """Return up to `limit` refunds in a state after a place, the longest in it first."""
        query: Document = {"marketplace": marketplace, "state": state}
        if after is not None:
            moment, key = after
            query["since"] = {"$gte": moment}
            query["$or"] = [{"since": {"$gt": moment}}, {"_id": {"$gt": key}}]
        cursor = self._refunds.find(query).sort([("since", UP), ("_id", UP)]).limit(limit)
        return [msgspec.convert(it, Listed) for it in await cursor.to_list(None)]

    async def in_state(self, state: State) -> tuple[int, datetime | None]:
        """Return how many refunds are in a state, 10,000 at most, and since when the first of them is."""
        first = await self._refunds.find_one({"state": state}, {"_id": 0, "since": 1}, sort=[("since", UP)])
        if first is None:
            return 0, None
        found: Any = await self._refunds.count_documents({"state": state}, limit=COUNTED_MAX)
        return found, first["since"]


def note(work: Work, before: Order, after: Order) -> None:
    """Write what differs in the refunds of an order."""
    if after.refunds is before.refunds:
        return
    known = {it.refund_id: it for it in before.known_refunds}
    for refund in after.known_refunds:
        was = known.get(refund.refund_id)
        if was == refund:
            continue
        fields: Document = dict(_fields(after, refund))
        if was is None or was.state != refund.state:
            fields["since"] = work.now
        work.update(REFUNDS, f"{after.key}/{refund.refund_id}", {"$set": fields}, upsert=True)


def _fields(order: Order, refund: Refund) -> Iterator[tuple[str, Any]]:
    yield "marketplace", order.marketplace
    yield "order_id", order.order_id
    yield "currency", order.currency
    for name in ("refund_id", "kind", "state", "reason"):
        yield name, getattr(refund, name)
    yield "amount_minor", order.asked_minor(refund)
