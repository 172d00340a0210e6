"""Nothing that rests is forgotten: time comes back to it, or it is in the operators' queue."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.split.cashier import Cashier, cashier, known
from tests.split.domain.test_payout_laws import payout_terms, steps
from tests.split.examples import agreement, copies, merchant, orders

from shared.messages import PayoutLimit, PayoutTerms
from shared.profiles import shipped
from split.domain.funding import Standing
from split.domain.guards import Guard
from split.domain.resting import for_operator
from split.domain.retries import ATTEMPTS_MAX
from split.domain.stops import Stops

MINUTE = timedelta(minutes=1)
MONTH = timedelta(days=32)
NAMES = ("m1", "m2", "m3", "r0", "r1")


def capped(amount: int) -> PayoutTerms:
    return PayoutTerms(daily_caps=(PayoutLimit(currency="BRL", amount_minor=amount),))


def test_more_than_the_cap_of_a_day_waits_for_two_people() -> None:
    world = cashier(payouts=capped(5_000))
    assert (world.leg().state, world.leg().reason) == ("available", "above_cap")
    since = world.order.operator_at
    assert since == world.now
    world.later(timedelta(days=1))
    assert (world.leg().reason, world.order.operator_at) == ("above_cap", since)
    assert for_operator(world.order, world.leg(), None, world.moment().calendar) == "above_cap"
    world.by_hand("retry")
    assert (world.leg().state, world.order.operator_at) == ("in_transit", msgspec.UNSET)
    world.conclude("succeeded")
    world.check()
    assert world.got["merchant:m1"] == 8_800


def test_what_waits_for_a_minimum_goes_when_the_agreement_that_asks_for_it_is_over() -> None:
    """Its successor was announced while it was still in force, and no news comes when it takes effect."""
    world = cashier(payouts=PayoutTerms(minimums=(PayoutLimit(currency="BRL", amount_minor=10_000),)))
    assert world.leg().reason == "below_minimum"
    old = agreement(
        payouts=PayoutTerms(minimums=(PayoutLimit(currency="BRL", amount_minor=10_000),)),
        effective_to=world.now + MINUTE,
    )
    world.change(merchant("m1", old, agreement(version=2, effective_from=world.now + MINUTE), version=2))
    assert world.leg().reason == "below_minimum"
    world.later(MINUTE)
    assert (world.leg().state, world.leg().attempt) == ("in_transit", 1)
    world.check()


def test_an_institution_that_says_cancelled_of_a_leg_has_failed_it() -> None:
    """What split calls off is paid as soon as it may be: the same word from outside would be tried for ever."""
    world = cashier()
    world.conclude("failed", "cancelled")
    assert (world.leg().state, world.leg().reason) == ("available", "failed:cancelled")
    world.later(MONTH)
    assert world.leg().attempt == 1
    assert world.order.operator_at is not msgspec.UNSET


@given(orders(), st.lists(steps(), max_size=8), st.lists(payout_terms, min_size=len(NAMES), max_size=len(NAMES)))
def test_with_limits_too_what_is_left_waits_for_a_minimum_or_for_operators(
    order: Any,  # noqa: ANN401 - an order
    story: Any,  # noqa: ANN401 - steps
    terms: list[PayoutTerms],
) -> None:
    sellers = {it.merchant for it in order.lines} | {it.party.removeprefix("merchant:") for it in order.adjustments}
    agreed = dict(zip(NAMES, terms, strict=True))
    world = Cashier(
        order, copies(*(merchant(name, agreement(payouts=agreed.get(name))) for name in sorted({*sellers, *NAMES})))
    )
    for step in story:
        step(world)
    world.stop(Stops())
    for name in NAMES:
        known(world, name, ())
    for _ in range(2 * ATTEMPTS_MAX):
        world.conclude("succeeded")
        world.later(MONTH)
        world.check()
    profile, calendar = shipped().find(order.payments[0].channel_profile), world.moment().calendar
    with_operators = False
    for it in world.order.shares:
        if it.state != "available":
            continue
        if for_operator(world.order, it, profile, calendar):
            with_operators = True
        elif it.reason == "over_limit":
            assert agreed[it.payee].daily_caps[0].amount_minor == 0
        else:
            assert it.reason == "below_minimum"
            assert world.standings[it.payee].guard.accrued_minor < agreed[it.payee].minimums[0].amount_minor
    assert with_operators == (world.order.operator_at is not msgspec.UNSET)
    assert not world.open()


def test_what_was_restored_may_be_less_than_was_first_tried_and_its_payouts_next_news_is_taken_all_the_same() -> None:
    """A refund of another order has used some of it before it was written off."""
    world = cashier()
    world.conclude("failed", "ACCOUNT_ABNORMAL")
    world.accounts["merchant:available/m1"] -= 3_000
    world.accounts["buyer:refund_in_transit"] += 3_000
    world.standings["m1"] = Standing(guard=Guard(taken_minor=3_000))
    world.by_hand("write_off")
    world.by_hand("restore")
    assert (world.leg().state, world.leg().amount_minor) == ("available", 5_800)
    world.repeat()
    assert (world.leg().state, world.leg().reason) == ("available", "restored")
    world.by_hand("retry")
    assert (world.leg().state, world.leg().attempt, world.leg().amount_minor) == ("in_transit", 2, 5_800)
