"""What split asks payments for: to pay legs, to call off what is not sent, to refund a buyer by a plan."""

from collections.abc import Sequence

import msgspec

from shared.messages import BuyerRefund, Funding, Leg, PayoutRequested, RefundRequested, ReturnLeg, Subsidy
from split.domain.orders import Order, OwedSubsidy
from split.domain.refunds import Refund
from split.domain.shares import Share, leg_id


def requested(order: Order, payout_id: str, legs: tuple[Leg, ...], asked: Sequence[OwedSubsidy]) -> PayoutRequested:
    """Return the request to pay these legs."""
    return PayoutRequested(
        marketplace=order.marketplace,
        payout_id=payout_id,
        document=order.document,
        kind="pay",
        currency=order.currency,
        channel_profile=order.channel_profile,
        channel_account=order.channel_account,
        legs=legs,
        subsidies=tuple(
            Subsidy(subsidy_id=it.subsidy_id, amount_minor=it.amount_minor, channel_payment_id=it.payment)
            for it in asked
        ),
    )


def finish(order: Order, payout_id: str, shares: Sequence[Share]) -> PayoutRequested:
    """Return the request to give the collector the rest: its own shares, which were no legs until now."""
    return msgspec.structs.replace(
        requested(order, payout_id, tuple(leg(order, it) for it in shares), ()), kind="finish"
    )


def leg(order: Order, share: Share) -> Leg:
    """Return the leg that pays a share."""
    return Leg(
        leg_id=leg_id(order.document_key, share),
        receiver=share.receiver,
        amount_minor=share.amount_minor,
        attempt=share.attempt,
        breakdown=share.breakdown,
        channel_payment_id=share.payment,
    )


def cancel(order: Order, payout_id: str, shares: Sequence[Share]) -> PayoutRequested:
    """Return the request to call off what is not sent of these legs of a payout."""
    return PayoutRequested(
        marketplace=order.marketplace,
        payout_id=payout_id,
        document=order.document,
        kind="cancel",
        currency=order.currency,
        channel_profile=order.channel_profile,
        channel_account=order.channel_account,
        legs=tuple(leg(order, share) for share in shares),
    )


def refund_requested(order: Order, refund: Refund) -> RefundRequested:
    """Return the request to carry out a refund's plan, or that says why there is none.

    What has failed for good stands in no plan any more.
    """
    refused = refund.reason if refund.state == "refused" else None
    return RefundRequested(
        marketplace=order.marketplace,
        order_id=order.order_id,
        refund_id=refund.refund_id,
        revision=max(1, refund.revision),
        refused=refused,
        currency=order.currency,
        channel_profile=order.channel_profile,
        channel_account=order.channel_account,
        returns=tuple(
            ReturnLeg(
                return_id=it.return_id,
                leg_id=f"{order.document_key}/{it.path}/{it.part}",
                payout_id=it.payout_id,
                receiver=it.receiver,
                amount_minor=it.amount_minor,
                attempt=it.attempt,
            )
            for it in refund.returns
            if it.state != "failed"
        ),
        fundings=tuple(
            Funding(funding_id=it.funding_id, kind=it.kind, amount_minor=it.amount_minor) for it in refund.fundings
        ),
        refunds=tuple(
            BuyerRefund(channel_payment_id=it.channel_payment_id, amount_minor=it.amount_minor)
            for it in (refund.payments if refund.kind == "refund" else ())
        ),
    )
