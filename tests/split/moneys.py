"""Refunds and what a channel moves by itself, as aftersale and payments publish them, for the tests of split."""

from datetime import UTC, datetime
from typing import Any, Final

from tests.split.examples import PAID_AT
from tests.split.goods import HOUR

from shared.messages import (
    ChannelMoved,
    FundingOutcome,
    RefundApproved,
    RefundOutcome,
    RefundRequested,
    RefundSettled,
    ReturnOutcome,
)
from shared.messages.aftersale import RefundLine

JUST_NOW: Final = datetime.now(UTC).replace(microsecond=0) - HOUR
"""A chargeback of long ago is over."""


def approval(*amounts: int, refund_id: str = "r1", **fields: Any) -> RefundApproved:  # noqa: ANN401 - any field of the event
    """Approve a refund of so much of the goods of line l1, of l2 and so on, two hours after the payment."""
    given: dict[str, Any] = {
        "marketplace": "test-a",
        "order_id": "1",
        "refund_id": refund_id,
        "case_id": f"case-{refund_id}",
        "goods_state": "returned",
        "reason": "arrived broken",
        "currency": "BRL",
        "lines": tuple(RefundLine(line_id=f"l{place}", amount_minor=it) for place, it in enumerate(amounts, 1) if it),
        "approved_at": PAID_AT + 2 * HOUR,
    }
    return RefundApproved(**(given | fields))


def moved(kind: Any, amount: int, movement_id: str = "m1", **fields: Any) -> ChannelMoved:  # noqa: ANN401 - any field of the event
    """Let the channel move money of order 1 by itself."""
    given: dict[str, Any] = {
        "marketplace": "test-a",
        "order_id": "1",
        "movement_id": movement_id,
        "kind": kind,
        "channel_profile": "sandbox-direct",
        "channel_account": "test-a",
        "currency": "BRL",
        "amount_minor": amount,
        "moved_at": JUST_NOW,
    }
    return ChannelMoved(**(given | fields))


def settled(
    plan: RefundRequested,
    state: Any = "succeeded",  # noqa: ANN401 - a literal
    revision: int = 1,
    returns: Any = "succeeded",  # noqa: ANN401 - a literal
    rest: Any = "succeeded",  # noqa: ANN401 - a literal
    **fields: Any,  # noqa: ANN401 - any field of the event
) -> RefundSettled:
    """Tell how a plan stands: its returns, and the rest of it."""
    given: dict[str, Any] = {
        "marketplace": plan.marketplace,
        "order_id": plan.order_id,
        "refund_id": plan.refund_id,
        "revision": revision,
        "planned": plan.revision,
        "state": state,
        "currency": plan.currency,
        "channel_profile": plan.channel_profile,
        "channel_account": plan.channel_account,
        "returns": tuple(
            ReturnOutcome(
                return_id=it.return_id,
                leg_id=it.leg_id,
                receiver=it.receiver,
                amount_minor=it.amount_minor,
                attempt=it.attempt,
                state=returns,
                channel_number="r",
            )
            for it in plan.returns
        ),
        "fundings": tuple(
            FundingOutcome(funding_id=it.funding_id, amount_minor=it.amount_minor, state=rest, channel_number="f")
            for it in plan.fundings
        ),
        "refunds": tuple(
            RefundOutcome(
                channel_payment_id=it.channel_payment_id,
                amount_minor=it.amount_minor,
                state=rest,
                channel_number="b",
            )
            for it in plan.refunds
        ),
        "settled_at": PAID_AT + 3 * HOUR,
    }
    return RefundSettled(**(given | fields))
