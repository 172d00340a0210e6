"""How long payments waits before it asks an institution again (money.md 3.1)."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.payments.examples import NOW

from payments.domain.schedule import ask_at, funds_at


def test_asks_come_after_5_s_30_s_5_min_1_h_and_then_daily() -> None:
    waits = [ask_at(asks, NOW) - NOW for asks in range(1, 8)]
    assert waits == [timedelta(seconds=it) for it in (5, 30, 300, 3_600, 86_400, 86_400, 86_400)]


def test_funds_are_looked_for_every_minute_at_least() -> None:
    """Fails with the schedule of what is unknown: an account that is funded in the evening pays out the next day."""
    waits = [funds_at(asks, NOW) - NOW for asks in range(1, 8)]
    assert waits == [timedelta(seconds=it) for it in (5, 30, 60, 60, 60, 60, 60)]


@given(st.integers(1, 10**9))
def test_what_is_unknown_is_asked_for_at_least_daily_for_ever(asks: int) -> None:
    assert timedelta(0) < ask_at(asks, NOW) - NOW <= timedelta(days=1)
