"""What a decision about money back comes to: the order afterwards, what is booked, and whom it asks."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from shared.messages import PayoutRequested, RefundRequested
from split.domain.funding import Standing
from split.domain.ledger import Kind
from split.domain.orders import Order
from split.domain.refunds import Refund


class Booking(msgspec.Struct, frozen=True):
    """One ledger transaction to book: its kind, the event behind it, minor units by account."""

    kind: Kind
    cause: str
    entries: dict[str, int]


class Back(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about an order's refunds: the order afterwards, what to book and whom to ask.

    `standings` are those of merchants that changed; `credits` is what a reversed chargeback gives back, by party.
    `next_at`: when a refund that waits is looked at again.
    """

    order: Order
    bookings: tuple[Booking, ...] = ()
    cancels: tuple[PayoutRequested, ...] = ()
    requests: tuple[RefundRequested, ...] = ()
    standings: Mapping[str, Standing] = {}
    credits: Mapping[str, int] = {}
    next_at: datetime | None = None


def with_refund(order: Order, refund: Refund) -> Order:
    """Return the order with the newest state of a refund."""
    others = [it for it in order.known_refunds if it.refund_id != refund.refund_id]
    return msgspec.structs.replace(order, refunds=(*others, refund))
