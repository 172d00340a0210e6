"""Debt: it is netted once, ages from its first unit, and is past a limit or not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split.domain.guards import FRESH, Limits, netted, owing, past

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AMOUNTS = st.integers(0, 10**13)


@given(st.lists(st.tuples(st.booleans(), AMOUNTS), max_size=20))
def test_debt_is_what_was_made_less_what_was_netted_and_never_below_zero(steps: list[tuple[bool, int]]) -> None:
    guard, made, kept = FRESH, 0, 0
    for makes, amount in steps:
        if makes:
            guard, made = owing(guard, amount, NOW), made + amount
        else:
            guard, part = netted(guard, amount)
            assert 0 <= part <= amount
            assert guard.debt_minor == 0 or part == amount
            kept += part
        assert guard.debt_minor == made - kept >= 0
        assert (guard.debt_since is None) == (guard.debt_minor == 0)


def test_debt_ages_from_when_the_first_of_it_was_made() -> None:
    guard = owing(owing(FRESH, 5, NOW), 3, NOW + DAY)
    assert (guard.debt_minor, guard.debt_since) == (8, NOW)
    less, _ = netted(guard, 7)
    assert (less.debt_minor, less.debt_since) == (1, NOW)
    none, _ = netted(less, 1)
    assert none == FRESH
    assert owing(none, 2, NOW + 3 * DAY).debt_since == NOW + 3 * DAY


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(), None),
        (Limits({"CNY": 8}), None),
        (Limits({"CNY": 7}), "debt_over_limit"),
        (Limits({"JPY": 7}), None),
        (Limits(age_max=2 * DAY), None),
        (Limits(age_max=2 * DAY - timedelta(microseconds=1)), "debt_too_old"),
        (Limits({"CNY": 7}, DAY), "debt_over_limit"),
    ],
    ids=repr,
)
def test_debt_is_past_a_limit_by_its_amount_or_its_age(limits: Limits, reason: str | None) -> None:
    assert past(owing(FRESH, 8, NOW), "CNY", limits, NOW + 2 * DAY) == reason


def test_who_owes_nothing_is_past_no_limit() -> None:
    less, _ = netted(owing(FRESH, 8, NOW), 8)
    assert past(less, "CNY", Limits({"CNY": 0}, timedelta()), NOW + DAY) is None


def test_amounts_below_zero_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="-1 is below zero"):
        owing(FRESH, -1, NOW)
    with pytest.raises(ValueError, match="-1 is below zero"):
        netted(FRESH, -1)
