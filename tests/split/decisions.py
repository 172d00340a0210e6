"""A decision about an order, seen as a test asks: who gets what, what is held and why."""

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tests.split.examples import PAID_AT
from tests.split.tariffs import Market, rules_of

from shared.messages import MerchantChanged, SplitRequested
from shared.profiles import shipped
from split.domain import splits
from split.domain.calendars import Calendar
from split.domain.holds import NO_FACTS, Facts
from split.domain.judgements import Moment
from split.domain.limits import Registry
from split.domain.orders import Order
from split.domain.rounds import Decision

SHANGHAI: Final = Calendar(ZoneInfo("Asia/Shanghai"), time(0))
SOON: Final = PAID_AT + timedelta(minutes=1)


def at(now: datetime, market: Market = None, bound: Iterable[str] = ()) -> Moment:
    """Return a moment in the marketplace, with these rules in force for ever and these receivers bound."""
    registry = Registry(shipped(), frozenset(bound))
    return Moment(now, SHANGHAI, rules_of(market), registry=registry)


def split(
    order: SplitRequested,
    merchants: dict[str, MerchantChanged],
    facts: Facts = NO_FACTS,
    now: datetime = SOON,
    market: Market = None,
) -> Decision | str:
    """Split an order a minute after it was paid, unless said otherwise."""
    return splits.split(order, merchants, facts, at(now, market))


def decided(
    order: SplitRequested,
    merchants: dict[str, MerchantChanged],
    facts: Facts = NO_FACTS,
    now: datetime = SOON,
    market: Market = None,
) -> Decision:
    """Split an order that can be booked."""
    decision = split(order, merchants, facts, now, market)
    assert isinstance(decision, Decision)
    return decision


def review(
    order: Order,
    request: SplitRequested,
    merchants: dict[str, MerchantChanged],
    now: datetime = SOON,
    market: Market = None,
) -> Decision | None:
    """Look at an order again."""
    return splits.review(order, request, merchants, at(now, market))


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
