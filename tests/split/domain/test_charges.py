"""Rewards: marketing money reserved for one receiver, paid in before it is paid out, and back where it came from."""

from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.replica import settled

from shared.money import AMOUNT_MINOR_MAX
from shared.profiles import shipped
from split.domain.charges import Charge, Decision, Reward, begun, mistake
from split.domain.settlements import Settlement, settle

REWARD = Reward(
    receiver="driver-7",
    amount_minor=500,
    currency="CNY",
    channel_profile="sandbox-direct",
    channel_account="test-a",
)


def decided(**changes: Any) -> Decision:  # noqa: ANN401 - any field of a reward
    reward = msgspec.structs.replace(REWARD, **changes)
    return begun(reward, "test-a", "x1", ("Ann", "Bob"), "hundredth ride")


def why(**changes: Any) -> str:  # noqa: ANN401 - any field of a reward
    reward = msgspec.structs.replace(REWARD, **changes)
    refused = mistake(reward, shipped().find(reward.channel_profile))
    return refused.reason if refused else ""


@given(st.integers(1, AMOUNT_MINOR_MAX), st.sampled_from(("JPY", "CNY", "KWD")))
def test_a_reward_is_what_marketing_promises_and_no_more(amount: int, currency: str) -> None:
    decision = decided(amount_minor=amount, currency=currency)
    assert why(amount_minor=amount, currency=currency) == ""
    assert decision.entries == {"platform:marketing": -amount, "merchant:in_transit/driver-7": amount}
    payout = decision.payout
    assert (payout.document, payout.payout_id, payout.currency) == ("c:x1", "c:x1.1", currency)
    (leg,), (subsidy,) = payout.legs, payout.subsidies
    assert (leg.leg_id, leg.receiver, leg.amount_minor) == (
        "test-a/c:x1/merchant:driver-7/1",
        "merchant:driver-7",
        amount,
    )
    assert (subsidy.subsidy_id, subsidy.amount_minor) == ("test-a/c:x1/platform:marketing/1", amount)
    assert decision.charge.key == "test-a/charges/x1"


@pytest.mark.parametrize(
    ("state", "accounts"),
    [
        ("succeeded", {}),
        ("failed", {"platform:marketing": -500, "merchant:available/driver-7": 500}),
        ("unknown", {"platform:marketing": -500, "merchant:in_transit/driver-7": 500}),
    ],
)
def test_what_the_institution_did_is_booked_once(state: Any, accounts: dict[str, int]) -> None:  # noqa: ANN401 - a literal
    decision = decided()
    first = settle(decision.charge, settled(decision.payout, state))
    assert isinstance(first, Settlement)
    assert isinstance(first.order, Charge)
    sums = dict(decision.entries)
    for account, amount in first.entries.items():
        sums[account] = sums.get(account, 0) + amount
    assert {account: amount for account, amount in sums.items() if amount} == accounts
    assert settle(first.order, settled(decision.payout, state)) is None


def test_a_reward_that_cannot_be_paid_says_why() -> None:
    assert why(amount_minor=0) == why(amount_minor=AMOUNT_MINOR_MAX + 1) == "amount_out_of_range"
    assert why(currency="XXX") == "currency_unknown"
    assert why(channel_profile="paypal") == "profile_pays_orders_only"


@pytest.mark.parametrize("profile", [it.name for it in shipped()])
def test_where_merchants_collect_there_is_nothing_to_reward_with(profile: str) -> None:
    collector = next(it.collector for it in shipped() if it.name == profile)
    assert (why(channel_profile=profile) == "") == (collector != "merchant")


def test_a_charge_is_a_reward_or_an_adjustment() -> None:
    kind = next(it for it in msgspec.structs.fields(Charge) if it.name == "kind")
    assert get_args(kind.type.__value__) == ("reward", "adjustment")
