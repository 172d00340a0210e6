"""A decision about an order, seen as a test asks: who gets what, what is held and why."""

from shared.messages import MerchantChanged, SplitRequested
from split.domain.rounds import Decision
from split.domain.splits import split


def decided(order: SplitRequested, merchants: dict[str, MerchantChanged]) -> Decision:
    """Split an order that can be booked."""
    decision = split(order, merchants)
    assert isinstance(decision, Decision)
    return decision


def legs_of(decision: Decision) -> dict[str, int]:
    """Sum the legs of the payout by receiver."""
    sums: dict[str, int] = {}
    for leg in decision.payout.legs if decision.payout else ():
        sums[leg.receiver] = sums.get(leg.receiver, 0) + leg.amount_minor
    return sums


def held_of(decision: Decision) -> dict[str, int]:
    """Sum what is held by merchant."""
    sums: dict[str, int] = {}
    for share in decision.order.shares:
        if share.state == "held":
            sums[share.merchant] = sums.get(share.merchant, 0) + share.amount_minor
    return sums


def reasons_of(decision: Decision) -> dict[str, str]:
    """Why each share that is held is held, by path."""
    return {share.path: share.reason for share in decision.order.shares if share.state == "held"}


def marketing_of(decision: Decision) -> int:
    """Sum what the platform adds in this decision."""
    return -decision.entries.get("platform:marketing", 0)


def nonzero(sums: dict[str, int]) -> dict[str, int]:
    """Leave out who gets nothing."""
    return {name: amount for name, amount in sums.items() if amount}
