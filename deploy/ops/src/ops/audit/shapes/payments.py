"""The documents of payments: claimed orders, who has which payment, payouts with their legs, refunds."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from bson.datetime_ms import DatetimeMS

from ops.audit.rows import Back, Claimed, Handed, Instructed, Leg, Numbered, Repaid, Taken
from ops.audit.shapes import Minor, Part, Query, Rows, Source, Stored, by_key, ms, of_document, order_of
from ops.stores import prefixed


class Order(Stored, frozen=True, kw_only=True):
    """A claimed order. `ask_at` is none once nothing of it is to be asked any more."""

    state: str
    reason: str | None
    channel_account: str
    currency: str
    paid_minor: Minor
    received_at: DatetimeMS
    payment_ids: tuple[str, ...]
    ask_at: DatetimeMS | None


class Claim(Stored, frozen=True, kw_only=True):
    """Which order has a payment."""

    order: str


class PayoutLeg(Part, frozen=True, kw_only=True):
    """A leg of a payout."""

    leg_id: str
    receiver: str
    amount_minor: Minor
    attempt: int
    state: str
    channel_number: str
    reason: str | None


class Subsidy(Part, frozen=True, kw_only=True):
    """What the platform pays into the pool for a payout."""

    subsidy_id: str
    amount_minor: Minor
    attempt: int
    state: str
    channel_number: str
    reason: str | None


class Payout(Stored, frozen=True, kw_only=True):
    """A payout. `order` is none where it is for a document of another kind."""

    marketplace: str
    document: str
    kind: str
    order: str | None
    channel_account: str
    currency: str
    waits: str | None
    ask_at: DatetimeMS | None
    created_at: DatetimeMS
    legs: tuple[PayoutLeg, ...]
    subsidies: tuple[Subsidy, ...]

    @property
    def key(self) -> str:
        """The order that it pays out, or the charge."""
        return self.order or order_of(f"{self.marketplace}/{self.document}")


class RefundPart(Part, frozen=True, kw_only=True):
    """One movement of a refund. `of` is none of money of the platform's that is no payment's."""

    kind: str
    name: str
    receiver: str
    amount_minor: Minor
    of: str | None
    state: str
    channel_number: str


class Refund(Stored, frozen=True, kw_only=True):
    """A refund, with all parts of all its plans."""

    order: str
    channel_account: str
    currency: str
    waits: str | None
    ask_at: DatetimeMS | None
    created_at: DatetimeMS
    parts: tuple[RefundPart, ...]


class Handover(Part, frozen=True):
    """What was handed to a lane, by key."""

    operation: str
    keys: tuple[str, ...]


def _order(it: Order) -> Rows:
    yield (
        it.id,
        Taken(
            order=it.id,
            state=it.state,
            reason=it.reason or "",
            account=it.channel_account,
            currency=it.currency,
            paid_minor=it.paid_minor,
            received_ms=ms(it.received_at),
            payments=it.payment_ids,
            timed=it.ask_at is not None,
        ),
    )


def _claim(it: Claim) -> Rows:
    yield it.id, Claimed(it.id, it.order)


def _payout(it: Payout) -> Rows:
    order = it.key
    legs = tuple(_leg(leg, leg.leg_id, leg.receiver) for leg in it.legs)
    legs += tuple(_leg(subsidy, subsidy.subsidy_id, "") for subsidy in it.subsidies)
    yield (
        order,
        Instructed(
            order=order,
            payout=it.id,
            kind=it.kind,
            account=it.channel_account,
            currency=it.currency,
            waits=it.waits or "",
            timed=it.ask_at is not None,
            created_ms=ms(it.created_at),
            legs=legs,
        ),
    )
    for leg in legs:
        if leg.amount_minor:  # of a leg of nothing no institution has heard
            number = f"{it.channel_account}/{leg.number}"
            yield number, Numbered(number, order)


def _leg(it: PayoutLeg | Subsidy, identity: str, receiver: str) -> Leg:
    return Leg(identity, receiver, it.amount_minor, it.attempt, it.state, it.channel_number, it.reason or "")


def _refund(it: Refund) -> Rows:
    parts = tuple(
        Back(part.kind, part.name, part.receiver, part.amount_minor, part.of or "", part.state, part.channel_number)
        for part in it.parts
    )
    created_ms, timed = ms(it.created_at), it.ask_at is not None
    repaid = Repaid(it.order, it.id, it.channel_account, it.currency, it.waits or "", timed, created_ms, parts)
    yield it.order, repaid
    for part in parts:
        if part.amount_minor:
            number = f"{it.channel_account}/{part.number}"
            yield number, Numbered(number, it.order)


def _handover(it: Handover) -> Rows:
    if it.operation == "refund":
        return  # their ids tell no order, and the clock has them beside the lane
    for key in it.keys:
        order = order_of(key.rpartition(".")[0]) if it.operation == "pay" else key
        yield order, Handed(order, key)


def _payouts_of(orders: Sequence[str]) -> Query:
    starts = [of_document(order) for order in orders]
    # Another order's id may begin so; its rows are told by their order.
    return {"$or": [{"_id": {"$gte": f"{start}.", "$lt": f"{start}/"}} for start in starts]}


ORDERS: Final = Source(
    "payments",
    "orders",
    ("state", "reason", "channel_account", "currency", "paid_minor", "received_at", "payment_ids", "ask_at"),
    Order,
    _order,
    prefixed,
    by_key,
)
CLAIMS: Final = Source(
    "payments", "claims", ("order",), Claim, _claim, lambda marketplace: prefixed(marketplace, "order")
)
PAYOUTS: Final = Source(
    "payments",
    "payouts",
    (
        "marketplace",
        "document",
        "kind",
        "order",
        "channel_account",
        "currency",
        "waits",
        "ask_at",
        "created_at",
        *(
            f"legs.{it}"
            for it in ("leg_id", "receiver", "amount_minor", "attempt", "state", "channel_number", "reason")
        ),
        "subsidies",
    ),
    Payout,
    _payout,
    prefixed,
    _payouts_of,
    lambda it: it.id.startswith(f"{of_document(it.key)}."),
)

REFUNDS: Final = Source(
    "payments",
    "refunds",
    (
        "order",
        "channel_account",
        "currency",
        "waits",
        "ask_at",
        "created_at",
        *(f"parts.{it}" for it in ("kind", "name", "receiver", "amount_minor", "of", "state", "channel_number")),
    ),
    Refund,
    _refund,
    prefixed,
    lambda orders: {"order": {"$in": list(orders)}},
)

HANDOVERS: Final = Source("payments", "handovers", ("operation", "keys"), Handover, _handover, lambda _: {})

UNSENT: Final[Query] = {"ask_at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}, "waits": "sending"}
"""Payouts and refunds that the clock has sent, as the partial index has them; at `ask_at` they count as left behind."""

HANDED_OVER_MS: Final = 30_000
"""How long before `ask_at`, or a hand-over's `due_at`, they were handed to a lane."""
