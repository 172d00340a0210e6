"""What split asks payments for: a payout with its legs, and the subsidies that go before them."""

from collections.abc import Sequence

from shared.messages import Leg, PayoutRequested, Subsidy
from split.domain.orders import Order, OwedSubsidy
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
        subsidies=tuple(Subsidy(subsidy_id=it.subsidy_id, amount_minor=it.amount_minor) for it in asked),
    )


def leg(order: Order, share: Share) -> Leg:
    """Return the leg that pays a share."""
    return Leg(
        leg_id=leg_id(order.document_key, share),
        receiver=share.receiver,
        amount_minor=share.amount_minor,
        attempt=share.attempt,
        breakdown=share.breakdown,
    )
