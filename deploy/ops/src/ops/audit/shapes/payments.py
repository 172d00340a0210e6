"""The documents of payments: claimed orders, who has which payment, payouts with their legs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from ops.audit.rows import Claimed, Handed, Instructed, Leg, Numbered, Taken
from ops.audit.shapes import Query, Rows, Source, by_key, ms, of_document, order_of
from ops.stores import prefixed
from shared.mongo import Document


def _order(it: Document) -> Rows:
    yield (
        it["_id"],
        Taken(
            order=it["_id"],
            state=it["state"],
            reason=it["reason"] or "",
            account=it["channel_account"],
            currency=it["currency"],
            paid_minor=it["paid_minor"],
            received_ms=ms(it["received_at"]),
            payments=tuple(it["payment_ids"]),
            timed=it["ask_at"] is not None,
        ),
    )


def _claim(it: Document) -> Rows:
    yield it["_id"], Claimed(it["_id"], it["order"])


def _payout(it: Document) -> Rows:
    order = _order_of(it)
    legs = tuple(_leg(leg, leg["leg_id"]) for leg in it["legs"])
    subsidies = tuple(_leg(subsidy, subsidy["subsidy_id"]) for subsidy in it["subsidies"])
    account = it["channel_account"]
    yield (
        order,
        Instructed(
            order=order,
            payout=it["_id"],
            account=account,
            currency=it["currency"],
            waits=it["waits"] or "",
            timed=it["ask_at"] is not None,
            created_ms=ms(it["created_at"]),
            legs=legs + subsidies,
        ),
    )
    for leg in legs + subsidies:
        if leg.amount_minor:  # of a leg of nothing no institution has heard
            number = f"{account}/{leg.number}"
            yield number, Numbered(number, order)


def _order_of(it: Document) -> str:
    return it["order"] or f"{it['marketplace']}/{it['document']}"


def _leg(it: dict[str, Any], identity: str) -> Leg:
    return Leg(
        id=identity,
        receiver=it.get("receiver", ""),
        amount_minor=it["amount_minor"],
        attempt=it["attempt"],
        state=it["state"],
        number=it["channel_number"],
        reason=it["reason"] or "",
    )


def _handover(it: Document) -> Rows:
    for key in it["keys"]:
        order = order_of(key.rpartition(".")[0]) if it["operation"] == "pay" else key
        yield order, Handed(order, key)


def _payouts_of(orders: Sequence[str]) -> Query:
    starts = [of_document(order) for order in orders]
    # Another order's id may begin so; its rows are told by their order.
    return {"$or": [{"_id": {"$gte": f"{start}.", "$lt": f"{start}/"}} for start in starts]}


ORDERS: Final = Source(
    "payments",
    "orders",
    ("state", "reason", "channel_account", "currency", "paid_minor", "received_at", "payment_ids", "ask_at"),
    _order,
    prefixed,
    by_key,
)
CLAIMS: Final = Source("payments", "claims", ("order",), _claim, lambda marketplace: prefixed(marketplace, "order"))
PAYOUTS: Final = Source(
    "payments",
    "payouts",
    (
        "marketplace",
        "document",
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
    _payout,
    prefixed,
    _payouts_of,
    lambda it: str(it["_id"]).startswith(f"{of_document(_order_of(it))}."),
)

HANDOVERS: Final = Source("payments", "handovers", ("operation", "keys"), _handover, lambda _: {})

UNSENT: Final[Query] = {"ask_at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC)}, "waits": "sending"}
"""Payouts that the clock has sent, as the partial index has them; `ask_at` is when it takes them for left behind."""

HANDED_OVER_MS: Final = 30_000
"""How long before `ask_at`, or a hand-over's `due_at`, they were handed to a lane."""
