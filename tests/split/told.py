"""What an institution tells of payouts and refunds, as payments would publish it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.messages import (
    FundingOutcome,
    LegOutcome,
    PayoutRequested,
    PayoutSettled,
    RefundOutcome,
    RefundRequested,
    RefundSettled,
    ReturnOutcome,
    SubsidyOutcome,
)


def paid_out(
    request: PayoutRequested,
    states: Mapping[str, str],
    revision: int,
    now: datetime,
    reasons: Mapping[str, str] | None = None,
) -> PayoutSettled:
    """Tell how the legs and subsidies of a payout stand, by their ids, and why legs failed."""
    told: dict[str, Any] = {"open": "sending", "stopped": "sending"}
    return PayoutSettled(
        marketplace=request.marketplace,
        payout_id=request.payout_id,
        document=request.document,
        kind="pay",
        revision=revision,
        currency=request.currency,
        channel_profile=request.channel_profile,
        channel_account=request.channel_account,
        settled_at=now,
        legs=tuple(
            LegOutcome(
                leg_id=leg.leg_id,
                receiver=leg.receiver,
                amount_minor=leg.amount_minor,
                attempt=leg.attempt,
                state=told.get(states[leg.leg_id], states[leg.leg_id]),
                channel_number="n",
                reason=(reasons or {}).get(leg.leg_id) if states[leg.leg_id] in {"failed", "returned"} else None,
                breakdown=leg.breakdown,
            )
            for leg in request.legs
        ),
        subsidies=tuple(
            SubsidyOutcome(
                subsidy_id=it.subsidy_id,
                amount_minor=it.amount_minor,
                state="succeeded" if states.get(it.subsidy_id) else "created",
                channel_number="s",
            )
            for it in request.subsidies
        ),
    )


def refunded(plan: RefundRequested, done: Mapping[str, str], revision: int, state: Any, now: datetime) -> RefundSettled:  # noqa: ANN401 - a literal
    """Tell how the parts of a refund's plan stand, by their ids."""

    def of(identity: str) -> Any:  # noqa: ANN401 - a literal
        return done.get(identity, "created")

    return RefundSettled(
        marketplace=plan.marketplace,
        order_id=plan.order_id,
        refund_id=plan.refund_id,
        revision=revision,
        planned=plan.revision,
        state=state,
        currency=plan.currency,
        channel_profile=plan.channel_profile,
        channel_account=plan.channel_account,
        returns=tuple(
            ReturnOutcome(
                return_id=it.return_id,
                leg_id=it.leg_id,
                receiver=it.receiver,
                amount_minor=it.amount_minor,
                attempt=it.attempt,
                state=of(it.return_id),
                channel_number="r",
            )
            for it in plan.returns
        ),
        fundings=tuple(
            FundingOutcome(
                funding_id=it.funding_id,
                amount_minor=it.amount_minor,
                state=of(it.funding_id),
                channel_number="f",
            )
            for it in plan.fundings
        ),
        refunds=tuple(
            RefundOutcome(
                channel_payment_id=it.channel_payment_id,
                amount_minor=it.amount_minor,
                state=of(it.channel_payment_id),
                channel_number="b",
            )
            for it in plan.refunds
        ),
        settled_at=now,
    )
