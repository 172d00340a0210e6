"""Adjustments by hand: what is paid, what is netted, what becomes debt, and that nothing is lost on the way."""

from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.profiles import shipped
from split.domain.adjustments import DIRECTIONS, Adjustment, Decision, begun, empty, mistake, refusal
from split.domain.charges import Category
from split.domain.funding import FRESH_STANDING, Standing
from split.domain.guards import Guard, owing

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
amounts = st.integers(1, 10**13)


def wanted(**changes: Any) -> Adjustment:  # noqa: ANN401 - any field of an adjustment
    given_: dict[str, Any] = {
        "receiver": "m1",
        "direction": "credit",
        "category": "commission_correction",
        "amount_minor": 500,
        "currency": "CNY",
        "channel_profile": "sandbox-direct",
        "channel_account": "test-a",
    }
    return Adjustment(**(given_ | changes))


def made(it: Adjustment, debt_minor: int = 0) -> Decision:
    standing = Standing(guard=owing(Guard(version=3, taken_minor=7), debt_minor, NOW)) if debt_minor else FRESH_STANDING
    return begun(empty(it, "test-a", "c1", ("Ann", "Bob"), "why"), it, standing, NOW)


def test_a_credit_is_paid_by_marketing() -> None:
    decision = made(wanted())
    (leg,), (subsidy,) = decision.payout.legs, decision.payout.subsidies
    assert decision.entries == {"platform:marketing": -500, "merchant:in_transit/m1": 500}
    assert (leg.leg_id, leg.receiver, leg.amount_minor, leg.attempt) == (
        "test-a/c:c1/merchant:m1/1",
        "merchant:m1",
        500,
        1,
    )
    assert (subsidy.amount_minor, decision.payout.payout_id, decision.charge.payouts) == (500, "c:c1.1", 1)
    assert decision.standing == FRESH_STANDING


def test_a_credit_pays_off_a_debt_first_and_that_comes_back_to_the_platform() -> None:
    decision = made(wanted(), debt_minor=200)
    assert decision.entries == {"platform:marketing": -500, "merchant:debt/m1": 200, "merchant:in_transit/m1": 300}
    assert {it.receiver: it.amount_minor for it in decision.payout.legs} == {
        "merchant:m1": 300,
        "platform:advance": 200,
    }
    assert decision.payout.legs[0].breakdown.netted_minor == 200
    assert (decision.standing.guard.debt_minor, decision.standing.guard.debt_since) == (0, None)
    assert decision.standing.guard.taken_minor == 7


def test_a_debit_becomes_debt_and_its_receiver_is_told_by_a_leg_of_nothing() -> None:
    decision = made(wanted(direction="debit", category="penalty"))
    assert decision.entries == {"merchant:debt/m1": -500, "platform:advance": 500}
    (leg,) = decision.payout.legs
    assert (leg.amount_minor, leg.breakdown.adjustments_minor, leg.breakdown.netted_minor) == (0, -500, -500)
    assert decision.payout.subsidies == ()
    assert (decision.standing.guard.debt_minor, decision.standing.guard.debt_since) == (500, NOW)


def test_a_debt_that_is_owed_already_ages_on() -> None:
    since = NOW.replace(year=2025)
    standing = Standing(guard=Guard(version=1, debt_minor=1, debt_since=since))
    it = wanted(direction="debit", category="penalty")
    guard = begun(empty(it, "test-a", "c1", ("Ann", "Bob"), "why"), it, standing, NOW).standing.guard
    assert (guard.debt_minor, guard.debt_since) == (501, since)


@given(amounts, st.integers(0, 10**13), st.sampled_from(("credit", "debit")))
def test_nothing_is_lost_and_nobody_gets_more_than_was_agreed(amount: int, debt: int, direction: Any) -> None:  # noqa: ANN401 - a literal
    decision = made(wanted(amount_minor=amount, direction=direction), debt)
    assert sum(decision.entries.values()) == 0
    paid_in = sum(it.amount_minor for it in decision.payout.subsidies)
    assert sum(it.amount_minor for it in decision.payout.legs) == paid_in
    owed = decision.standing.guard.debt_minor
    got = next(it.amount_minor for it in decision.payout.legs if it.receiver == "merchant:m1")
    # What its receiver has and what it owes moves by the amount, whichever of both it is.
    assert got - owed + debt == (amount if direction == "credit" else -amount)
    assert min(got, owed) == 0 or direction == "debit"
    for leg in decision.payout.legs:
        figures = leg.breakdown
        assert leg.amount_minor == figures.adjustments_minor - (figures.netted_minor or 0) >= 0
    assert decision.entries.get("merchant:debt/m1", 0) == debt - owed


@pytest.mark.parametrize("category", get_args(Category.__value__))
@pytest.mark.parametrize("direction", ["credit", "debit"])
def test_each_kind_goes_its_own_way(category: Any, direction: Any) -> None:  # noqa: ANN401 - literals
    refused = mistake(wanted(category=category, direction=direction), shipped().find("sandbox-direct"))
    assert (refused.reason if refused else "") == ("" if direction in DIRECTIONS[category] else "direction_differs")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"currency": "XXX"}, "currency_unknown"),
        ({"amount_minor": 0}, "amount_out_of_range"),
        ({"amount_minor": 10**15}, "amount_out_of_range"),
        ({"channel_profile": "wechat-profit-sharing"}, "profile_pays_orders_only"),
        ({"channel_profile": "wechat-profit-sharing", "direction": "debit"}, ""),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], reason: str) -> None:
    it = wanted(**changes)
    refused = mistake(it, shipped().find(it.channel_profile))
    assert (refused.reason if refused else "") == reason


@pytest.mark.parametrize(
    ("changes", "debt", "blocked", "reason"),
    [
        ({"category": "debt_write_off"}, 499, "", "amount_above_debt"),
        ({"category": "debt_write_off"}, 500, "", ""),
        ({"category": "debt_write_off"}, 500, "kyc", ""),
        ({"category": "goodwill"}, 0, "kyc", "receiver_blocked"),
        ({"category": "goodwill"}, 499, "kyc", "receiver_blocked"),
        ({"category": "goodwill"}, 500, "kyc", ""),
        ({"category": "penalty", "direction": "debit"}, 0, "kyc", ""),
    ],
)
def test_who_is_blocked_is_paid_nothing_and_its_debt_may_be_let_go(
    changes: dict[str, Any], debt: int, blocked: str, reason: str
) -> None:
    refused = refusal(wanted(**changes), debt, blocked)
    assert (refused.reason if refused else "") == reason


def test_what_it_is_about_stays_with_it() -> None:
    it = wanted(order_id="o1", statement_line="s/1")
    charge = made(it).charge
    assert not isinstance(charge.adjusts, msgspec.UnsetType)
    assert (charge.adjusts.order_id, charge.adjusts.statement_line, charge.adjusts.amount_minor) == ("o1", "s/1", 500)
    assert (charge.kind, charge.asked_by, charge.approved_by, charge.reason) == ("adjustment", "Ann", "Bob", "why")
