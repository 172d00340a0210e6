"""What an institution did with a payout, applied to the order."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.decisions import split
from tests.split.examples import PAID_AT, agreement, copies, line, merchant, merchant_copies, orders, paid_order

from shared.messages import Adjustment, LegOutcome, MerchantChanged, PayoutSettled, SplitRequested, SubsidyOutcome
from split.domain.orders import Order
from split.domain.rounds import Decision
from split.domain.settlements import Settlement, settle


def paid_out(decision: Decision, *states: Any, revision: int = 1, subsidies: Any = "succeeded") -> PayoutSettled:  # noqa: ANN401 - literals
    """Tell of the decision's payout; the last state given stands for all further legs."""
    payout = decision.payout
    assert payout is not None
    return PayoutSettled(
        marketplace=payout.marketplace,
        payout_id=payout.payout_id,
        document=payout.document,
        kind="pay",
        revision=revision,
        currency=payout.currency,
        channel_profile=payout.channel_profile,
        channel_account=payout.channel_account,
        settled_at=PAID_AT,
        legs=tuple(
            LegOutcome(
                leg_id=leg.leg_id,
                receiver=leg.receiver,
                amount_minor=leg.amount_minor,
                attempt=leg.attempt,
                state=states[min(place, len(states) - 1)],
                channel_number=f"n{place}",
                reason="account_abnormal" if states[min(place, len(states) - 1)] == "failed" else None,
                breakdown=leg.breakdown,
            )
            for place, leg in enumerate(payout.legs)
        ),
        subsidies=tuple(
            SubsidyOutcome(subsidy_id=it.subsidy_id, amount_minor=it.amount_minor, state=subsidies, channel_number="s")
            for it in payout.subsidies
        ),
    )


def booked(order: Order, settled: PayoutSettled) -> Settlement:
    answer = settle(order, settled)
    assert isinstance(answer, Settlement)
    return answer


def plain() -> Decision:
    decision = split(paid_order(line(1, 1_000)), copies(merchant("m1", agreement())))
    assert isinstance(decision, Decision)
    return decision


def totals(*entries: dict[str, int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for account, amount in (it for group in entries for it in group.items()):
        sums[account] = sums.get(account, 0) + amount
    return {name: amount for name, amount in sums.items() if amount}


def test_a_payout_that_succeeded_empties_the_books_of_its_order() -> None:
    decision = plain()
    settled = booked(decision.order, paid_out(decision, "succeeded"))
    assert totals(settled.entries) == {
        "merchant:in_transit/m1": -880,
        "platform:commission": -120,
        "channel:clearing/test-a": 1_000,
    }
    assert totals(decision.entries, settled.entries) == {}
    assert {share.state for share in settled.order.shares} == {"paid"}
    assert settled.order.revisions == {"1": 1}


@pytest.mark.parametrize(
    ("state", "account"),
    [
        ("succeeded", "channel:clearing/test-a"),
        ("failed", "merchant:available/m1"),
        ("cancelled", "merchant:available/m1"),
    ],
)
def test_what_waits_for_the_institution_is_reserved_then_posted_or_voided(state: str, account: str) -> None:
    decision = plain()
    assert decision.entries["merchant:in_transit/m1"] == 880
    settled = booked(decision.order, paid_out(decision, state, "unknown"))
    assert settled.entries == {"merchant:in_transit/m1": -880, account: 880}
    back = booked(settled.order, paid_out(decision, "returned", "unknown", revision=2))
    assert back.entries == ({account: -880, "merchant:available/m1": 880} if state == "succeeded" else {})


def test_a_failed_leg_is_available_again_and_says_why() -> None:
    decision = plain()
    settled = booked(decision.order, paid_out(decision, "failed", "succeeded"))
    assert totals(settled.entries) == {
        "merchant:in_transit/m1": -880,
        "merchant:available/m1": 880,
        "platform:commission": -120,
        "channel:clearing/test-a": 120,
    }
    assert [(share.state, share.reason) for share in settled.order.shares] == [
        ("available", "account_abnormal"),
        ("paid", ""),
    ]


def test_legs_on_their_way_change_nothing_but_the_revision() -> None:
    decision = plain()
    settled = booked(decision.order, paid_out(decision, "unknown", "accepted"))
    assert settled.entries == {}
    assert settled.order.shares == decision.order.shares
    assert settled.order.revisions == {"1": 1}


def test_a_lower_or_equal_revision_is_no_news() -> None:
    decision = plain()
    after = booked(decision.order, paid_out(decision, "unknown", revision=3)).order
    assert settle(after, paid_out(decision, "succeeded", revision=3)) is None
    assert settle(after, paid_out(decision, "succeeded", revision=2)) is None


def test_a_later_revision_books_only_what_is_new() -> None:
    decision = plain()
    first = booked(decision.order, paid_out(decision, "succeeded", "unknown"))
    second = booked(first.order, paid_out(decision, "succeeded", revision=2))
    assert totals(second.entries) == {"platform:commission": -120, "channel:clearing/test-a": 120}


def test_a_bank_return_reopens_a_paid_share() -> None:
    decision = plain()
    paid = booked(decision.order, paid_out(decision, "succeeded"))
    back = booked(paid.order, paid_out(decision, "returned", "succeeded", revision=2))
    assert totals(back.entries) == {"channel:clearing/test-a": -880, "merchant:available/m1": 880}
    assert back.order.shares[0].state == "available"


def test_a_failed_leg_that_later_succeeded_is_for_an_operator() -> None:
    decision = plain()
    failed = booked(decision.order, paid_out(decision, "failed"))
    assert settle(failed.order, paid_out(decision, "succeeded", revision=2)) == "succeeded_after_available"


def _leg(**fields: object) -> Callable[[PayoutSettled], PayoutSettled]:
    def change(settled: PayoutSettled) -> PayoutSettled:
        return msgspec.structs.replace(
            settled, legs=(msgspec.structs.replace(settled.legs[0], **fields), *settled.legs[1:])
        )

    return change


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("payout_unknown", lambda it: msgspec.structs.replace(it, payout_id="o:1.2")),
        ("payout_unknown", lambda it: msgspec.structs.replace(it, payout_id="o:1.0")),
        ("payout_unknown", lambda it: msgspec.structs.replace(it, payout_id="o:1.x")),
        ("payout_unknown", lambda it: msgspec.structs.replace(it, payout_id="s:1.1")),
        ("leg_unknown", _leg(leg_id="test-a/o:1/merchant:m9/1")),
        ("leg_differs", _leg(amount_minor=881)),
        ("leg_differs", _leg(receiver="merchant:m9")),
        ("attempt_unknown", _leg(attempt=2)),
        ("subsidy_unknown", lambda it: msgspec.structs.replace(it, subsidies=(_subsidy(1),))),
    ],
)
def test_what_the_order_never_asked_for_is_refused(
    reason: str, change: Callable[[PayoutSettled], PayoutSettled]
) -> None:
    decision = plain()
    assert settle(decision.order, change(paid_out(decision, "succeeded"))) == reason


def _subsidy(amount: int) -> SubsidyOutcome:
    return SubsidyOutcome(subsidy_id="x", amount_minor=amount, state="succeeded", channel_number="s")


def test_a_subsidy_that_reached_the_pool_is_booked_once() -> None:
    discount = Adjustment(kind="discount", amount_minor=-300, party="platform:marketing")
    decision = split(paid_order(line(1, 1_000), adjustments=(discount,)), copies(merchant("m1", agreement())))
    assert isinstance(decision, Decision)
    waits = booked(decision.order, paid_out(decision, "created", subsidies="created"))
    assert waits.entries == {}
    came = booked(waits.order, paid_out(decision, "sending", revision=2))
    assert totals(came.entries) == {"channel:clearing/test-a": -300, "platform:marketing": 300}
    done = booked(came.order, paid_out(decision, "succeeded", revision=3))
    assert totals(decision.entries, came.entries, done.entries) == {}


@given(orders(), merchant_copies(), st.lists(st.sampled_from(("succeeded", "failed", "unknown")), min_size=1))
def test_books_stay_balanced_and_clearing_is_what_is_not_paid_out(
    order: SplitRequested, merchants: dict[str, MerchantChanged], states: list[str]
) -> None:
    decision = split(order, merchants)
    assert isinstance(decision, Decision)
    if decision.payout is None:
        return
    settled = booked(decision.order, paid_out(decision, *states))
    balances = totals(decision.entries, settled.entries)
    assert sum(balances.values()) == 0
    paid = sum(share.amount_minor for share in settled.order.shares if share.state == "paid")
    asked = sum(it.amount_minor for it in decision.payout.subsidies)
    pooled = sum(it.amount_minor - it.fee_minor for it in order.payments)
    assert balances.get("channel:clearing/test-a", 0) == -(pooled + asked - paid)
