"""Who may be paid now: blocks, stops, minimums, caps and reserves, one after the other."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.examples import LONG_AGO, agreement, merchant

from shared.messages import PayoutLimit, PayoutTerms
from split.domain.calendars import Calendar
from split.domain.gates import PASSED, Gate, Passage, Payee, payees_of
from split.domain.guards import FRESH, Guard
from split.domain.stops import Stops

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SHANGHAI = Calendar(ZoneInfo("Asia/Shanghai"), time(0))


def terms(cap: int | None = None, minimum: int = 0, reserve_bp: int = 0) -> PayoutTerms:
    return PayoutTerms(
        daily_caps=() if cap is None else (PayoutLimit(currency="CNY", amount_minor=cap),),
        minimums=(PayoutLimit(currency="CNY", amount_minor=minimum),) if minimum else (),
        reserve_bp=reserve_bp,
    )


def gate(payee: Payee, now: datetime = NOW, stops: Stops | None = None) -> Gate:
    return Gate("pool-1", "CNY", now, SHANGHAI, stops or Stops(), {"m1": payee})


def asked(amounts: list[int], payee: Payee, guard: Guard = FRESH) -> tuple[list[Passage], Guard]:
    """Ask about several new shares, one after the other."""
    found = []
    for amount in amounts:
        passage = gate(payee).ask("m1", amount, guard)
        guard = passage.guard
        found.append(passage)
    return found, guard


def test_who_has_no_such_terms_passes_and_leaves_the_guard_alone() -> None:
    assert payees_of([merchant("m1", agreement())], NOW) == {}
    for it in (Payee(), Payee(terms=PayoutTerms())):
        assert gate(it).ask("m1", 10**13, FRESH) == Passage("", FRESH)
    assert gate(Payee("kyc")).ask("somebody else", 5, FRESH) == Passage("", FRESH)


def test_a_payee_is_known_by_its_block_and_by_the_agreement_in_force_now() -> None:
    old = agreement(effective_to=NOW, payouts=terms(cap=1))
    new = agreement(version=2, effective_from=NOW, payouts=terms(cap=2))
    copies = [merchant("m1", old, new), merchant("m2", old), merchant("m3", blocked=("kyc", "tax"))]
    assert payees_of(copies, NOW) == {"m1": Payee(terms=terms(cap=2)), "m3": Payee("kyc")}
    assert payees_of(copies, LONG_AGO) == {
        "m1": Payee(terms=terms(cap=1), until=NOW),
        "m2": Payee(terms=terms(cap=1), until=NOW),
        "m3": Payee("kyc"),
    }


def test_a_block_comes_before_a_stop_and_both_before_the_limits() -> None:
    stop = Stops(merchants=frozenset({"m1"}))
    both = gate(Payee("kyc", terms(cap=0)), stops=stop).ask("m1", 5, FRESH)
    assert (both.reason, both.guard) == ("blocked:kyc", FRESH)
    assert gate(Payee(terms=terms(cap=0)), stops=stop).ask("m1", 5, FRESH).reason == "paused:merchant"
    assert gate(Payee(terms=terms(cap=0))).ask("m1", 5, FRESH).reason == "over_limit"


def test_what_two_people_decide_passes_the_limits_but_no_block_and_no_stop() -> None:
    assert gate(Payee(terms=terms(cap=0, minimum=9))).ask("m1", 5, FRESH, by_hand=True).reason == ""
    assert gate(Payee("kyc")).ask("m1", 5, FRESH, by_hand=True).reason == "blocked:kyc"
    assert gate(Payee(), stops=Stops(whole=True)).ask("m1", 5, FRESH, by_hand=True).reason == "paused:marketplace"


def test_no_more_than_the_cap_goes_out_on_one_business_day() -> None:
    found, guard = asked([60, 30, 20, 10, 1], Payee(terms=terms(cap=100)))
    assert [it.reason for it in found] == ["", "", "over_limit", "", "over_limit"]
    # It is 20:00 in Shanghai: its next day begins at 16:00 UTC.
    assert found[2].next_at == NOW + timedelta(hours=4)
    tomorrow = gate(Payee(terms=terms(cap=100)), NOW + timedelta(hours=4)).ask("m1", 100, guard)
    assert tomorrow.reason == ""
    assert (tomorrow.guard.cap_day, tomorrow.guard.capped_minor) == ("2026-03-02", 100)


def test_one_amount_above_the_cap_of_a_whole_day_is_for_operators() -> None:
    found, guard = asked([101, 100], Payee(terms=terms(cap=100)))
    assert [it.reason for it in found] == ["above_cap", ""]
    assert guard.capped_minor == 100
    assert gate(Payee(terms=terms(cap=100))).ask("m1", 101, guard, by_hand=True).reason == ""
    # A cap of nothing is a wish to pay nothing, and no amount is too large for it.
    assert gate(Payee(terms=terms(cap=0))).ask("m1", 1, FRESH).reason == "over_limit"


def test_what_waits_for_a_minimum_is_looked_at_when_the_agreement_that_asks_for_it_ends() -> None:
    (payee,) = payees_of([merchant("m1", agreement(effective_to=NOW + DAY, payouts=terms(minimum=100)))], NOW).values()
    (waiting,), _ = asked([60], payee)
    assert (waiting.reason, waiting.next_at) == ("below_minimum", NOW + DAY)


def test_a_cap_is_of_its_currency() -> None:
    other = msgspec.structs.replace(gate(Payee(terms=terms(cap=0))), currency="JPY")
    assert other.ask("m1", 5, FRESH) == Passage("", FRESH)


def test_small_amounts_add_up_and_all_go_when_they_come_to_the_minimum() -> None:
    payee = Payee(terms=terms(minimum=100))
    (first, second, third), guard = asked([40, 40, 20], payee)
    assert (first.reason, second.reason, third.reason) == ("below_minimum", "below_minimum", "")
    assert (guard.accrued_minor, guard.accrual) == (0, 1)
    for waiting in (first, second):
        passage = gate(payee).ask("m1", 40, guard, waiting.accrual)
        assert (passage.reason, passage.guard) == ("", guard)
    again = gate(payee).ask("m1", 40, guard)
    assert (again.reason, again.accrual) == ("below_minimum", 1)


def test_looking_again_adds_nothing_up_twice() -> None:
    payee = Payee(terms=terms(minimum=100))
    (first,), guard = asked([60], payee)
    for _ in range(3):
        assert gate(payee).ask("m1", 60, guard, first.accrual) == Passage("below_minimum", guard, 0)


@pytest.mark.parametrize("minimum", [0, 60])
def test_a_minimum_that_is_lowered_or_gone_lets_go_what_has_added_up(minimum: int) -> None:
    (first,), guard = asked([60], Payee(terms=terms(minimum=100)))
    passage = gate(Payee(terms=terms(minimum=minimum))).ask("m1", 60, guard, first.accrual)
    assert (passage.reason, passage.guard.accrued_minor, passage.guard.accrual) == ("", 0, 1)


def test_what_goes_another_way_is_added_up_no_more() -> None:
    (first, _), guard = asked([60, 30], Payee(terms=terms(minimum=100)))
    by_hand = gate(Payee(terms=terms(minimum=100))).ask("m1", 60, guard, first.accrual, by_hand=True)
    assert by_hand.guard.accrued_minor == 30


def test_what_has_passed_its_minimum_and_meets_the_cap_does_not_wait_for_the_minimum_again() -> None:
    payee = Payee(terms=terms(cap=100, minimum=50))
    (first, second), guard = asked([60, 60], payee)
    assert (first.reason, second.reason, second.accrual) == ("", "over_limit", PASSED)
    small = gate(Payee(terms=terms(cap=200, minimum=500))).ask("m1", 60, guard, second.accrual)
    assert small.reason == ""


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30), st.integers(0, 300), st.integers(0, 300))
def test_what_waits_for_the_minimum_is_what_the_guard_says(amounts: list[int], minimum: int, cap: int) -> None:
    payee = Payee(terms=terms(cap=cap, minimum=minimum))
    found, guard = asked(amounts, payee)
    waiting = [
        amount
        for amount, it in zip(amounts, found, strict=True)
        if it.reason == "below_minimum" and it.accrual == guard.accrual
    ]
    assert sum(waiting) == guard.accrued_minor < max(minimum, 1)
    sent = sum(amount for amount, it in zip(amounts, found, strict=True) if not it.reason)
    assert sent <= cap


def test_a_reserve_is_rounded_down() -> None:
    payee = Payee(terms=terms(reserve_bp=1_000))
    assert [payee.reserved(amount) for amount in (0, 9, 10, 105)] == [0, 0, 1, 10]
