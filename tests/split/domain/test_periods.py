"""Which period a statement is of: moments, or business days of the marketplace, and never what is not final."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from split.domain.calendars import Calendar
from split.domain.periods import FINAL_AFTER, Asked, Period, final_until, period_of

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
FINAL = NOW - FINAL_AFTER
UTC_DAYS = Calendar(ZoneInfo("UTC"), time(0))
SHANGHAI = Calendar(ZoneInfo("Asia/Shanghai"), time(4))
PARIS = Calendar(ZoneInfo("Europe/Paris"), time(0))
MARCH = date(2025, 3, 1)


def moment(day: int, hour: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2025, 3, day, hour, microsecond=microsecond, tzinfo=UTC)


def test_moments_are_taken_as_they_are() -> None:
    asked = Asked(since=moment(1), until=moment(2, 7))
    assert period_of(asked, SHANGHAI, NOW) == Period(moment(1), moment(2, 7))


def test_a_period_without_an_end_is_all_that_is_final() -> None:
    assert period_of(Asked(since=moment(1)), UTC_DAYS, NOW) == Period(moment(1), FINAL)


def test_a_period_that_reaches_past_what_is_final_ends_there() -> None:
    assert period_of(Asked(since=moment(1), until=NOW + timedelta(days=9)), UTC_DAYS, NOW) == Period(moment(1), FINAL)
    just = Asked(since=FINAL, until=NOW)
    assert period_of(just, UTC_DAYS, NOW) == Period(FINAL, FINAL)


def test_a_business_day_is_that_of_the_marketplace() -> None:
    day = Asked(first_day=MARCH)
    assert period_of(day, UTC_DAYS, NOW) == Period(moment(1), moment(2))
    assert period_of(day, SHANGHAI, NOW) == Period(datetime(2025, 2, 28, 20, tzinfo=UTC), moment(1, 20))


def test_the_last_business_day_is_in_the_period() -> None:
    week = Asked(first_day=MARCH, last_day=MARCH + timedelta(days=6))
    assert period_of(week, UTC_DAYS, NOW) == Period(moment(1), moment(8))


def test_a_business_day_on_which_clocks_are_changed_has_another_length() -> None:
    """In Paris the 30th of March 2025 has 23 hours."""
    found = period_of(Asked(first_day=date(2025, 3, 30)), PARIS, NOW)
    assert found == Period(moment(29, 23), moment(30, 22))


def test_a_day_under_way_ends_where_the_ledger_is_final() -> None:
    found = period_of(Asked(first_day=NOW.date()), UTC_DAYS, NOW)
    assert found == Period(datetime(2025, 6, 1, tzinfo=UTC), FINAL)


def test_moments_within_a_millisecond_stand_for_its_end() -> None:
    """The ledger has whole milliseconds: what is at least 1.0001 ms is at least 2 ms."""
    asked = Asked(since=moment(1, microsecond=1_001), until=moment(2, microsecond=999))
    assert period_of(asked, UTC_DAYS, NOW) == Period(moment(1, microsecond=2_000), moment(2, microsecond=1_000))
    assert final_until(NOW + timedelta(microseconds=1_999)) == FINAL + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Asked(), "period_missing"),
        (Asked(until=moment(1)), "period_missing"),
        (Asked(last_day=MARCH), "period_missing"),
        (Asked(since=moment(1), first_day=MARCH), "period_ambiguous"),
        (Asked(until=moment(1), last_day=MARCH), "period_ambiguous"),
        (Asked(since=moment(2), until=moment(1)), "period_reversed"),
        (Asked(first_day=MARCH, last_day=MARCH - timedelta(days=2)), "period_reversed"),
        (Asked(since=FINAL + timedelta(microseconds=1)), "period_not_begun"),
        (Asked(since=datetime.max.replace(tzinfo=UTC)), "period_not_begun"),
        (Asked(first_day=NOW.date() + timedelta(days=1)), "period_not_begun"),
        (Asked(first_day=date.min), "day_out_of_range"),
        (Asked(first_day=MARCH, last_day=date.max), "day_out_of_range"),
    ],
    ids=repr,
)
def test_what_is_no_period_says_why(asked: Asked, reason: str) -> None:
    assert period_of(asked, SHANGHAI, NOW) == reason


def test_the_beginning_of_time_is_a_moment_like_others() -> None:
    first = datetime.min.replace(tzinfo=UTC)
    assert period_of(Asked(since=first, until=first), UTC_DAYS, NOW) == Period(first, first)
