"""Requests to play with."""

from datetime import UTC, datetime
from typing import Any

from shared.messages import BuyerRefund, Funding, RefundRequested, ReturnLeg

AT = datetime(2026, 3, 8, 2, tzinfo=UTC)
MARKET = "test-shop"


def back(name: str, amount_minor: int, attempt: int = 1, receiver: str = "") -> ReturnLeg:
    """Return a return of what a merchant was paid in the first payout of order o-1."""
    return ReturnLeg(
        return_id=f"r-1/merchant:{name}/1",
        leg_id=f"{MARKET}/o:o-1/merchant:{name}/1",
        payout_id="o:o-1.1",
        receiver=receiver or f"merchant:{name}",
        amount_minor=amount_minor,
        attempt=attempt,
    )


def advance(amount_minor: int, revision: int = 1) -> Funding:
    """Return an advance of the platform."""
    return Funding(funding_id=f"r-1/advance/{revision}", kind="advance", amount_minor=amount_minor)


def plan(revision: int = 1, **fields: Any) -> RefundRequested:  # noqa: ANN401 - any field of the contract
    """Return the plan to refund 100.00 of order o-1: 60.00 come back from alice, 40.00 the pool has."""
    given: dict[str, Any] = {
        "marketplace": MARKET,
        "order_id": "o-1",
        "refund_id": "r-1",
        "currency": "CNY",
        "channel_profile": "sandbox-direct",
        "channel_account": MARKET,
        "returns": (back("alice", 6_000),),
        "refunds": (BuyerRefund(channel_payment_id="pay-1", amount_minor=10_000),),
    }
    return RefundRequested(revision=revision, **given | fields)
