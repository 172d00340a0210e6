"""When a leg that came back is paid again, and when only an operator can let it."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.messages import Breakdown
from shared.profiles import Failures, shipped
from split.domain.calendars import Calendar
from split.domain.retries import ATTEMPTS_MAX, BACKOFF, due_at
from split.domain.shares import Share

SINCE = datetime(2026, 1, 31, 15, tzinfo=UTC)
SHANGHAI = Calendar(ZoneInfo("Asia/Shanghai"), time(0))
FAILURES = Failures(
    retryable={"BUSY": "at_once", "DAILY_LIMIT": "next_day", "RECEIVER_RECEIPT_LIMIT": "next_month"},
    never=("ACCOUNT_ABNORMAL",),
)


def leg(reason: str, attempt: int = 1, since: datetime = SINCE) -> Share:
    return Share(
        path="merchant:m1",
        receiver="merchant:m1",
        merchant="m1",
        amount_minor=5,
        state="available",
        reason=reason,
        part=1,
        attempt=attempt,
        breakdown=Breakdown(),
        since=since,
    )


@pytest.mark.parametrize("attempt", range(1, ATTEMPTS_MAX))
def test_what_passes_by_itself_is_tried_again_later_each_time(attempt: int) -> None:
    assert due_at(leg("BUSY", attempt), FAILURES, SHANGHAI) == SINCE + BACKOFF[attempt - 1]
    assert list(BACKOFF) == sorted(BACKOFF)


def test_a_daily_limit_waits_for_the_marketplaces_next_day() -> None:
    """It is 23:00 in Shanghai: the next day begins an hour later."""
    assert due_at(leg("DAILY_LIMIT"), FAILURES, SHANGHAI) == SINCE + timedelta(hours=1)


@pytest.mark.parametrize(
    ("since", "first"),
    [
        (datetime(2026, 1, 31, 15, 59, tzinfo=UTC), date(2026, 2, 1)),
        (datetime(2026, 1, 31, 16, 0, tzinfo=UTC), date(2026, 3, 1)),
        (datetime(2026, 12, 5, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_a_monthly_limit_waits_for_the_marketplaces_next_month(since: datetime, first: date) -> None:
    expected = datetime.combine(first, time(0), ZoneInfo("Asia/Shanghai"))
    assert due_at(leg("RECEIVER_RECEIPT_LIMIT", since=since), FAILURES, SHANGHAI) == expected


@pytest.mark.parametrize("reason", ["ACCOUNT_ABNORMAL", "failed", "returned", "never heard of it"])
def test_every_other_reason_is_an_operators(reason: str) -> None:
    assert due_at(leg(reason), FAILURES, SHANGHAI) is None
    assert due_at(leg("BUSY"), None, SHANGHAI) is None


@pytest.mark.parametrize("reason", ["BUSY", "DAILY_LIMIT", "RECEIVER_RECEIPT_LIMIT"])
def test_what_has_failed_too_often_is_an_operators_too(reason: str) -> None:
    assert due_at(leg(reason, ATTEMPTS_MAX - 1), FAILURES, SHANGHAI) is not None
    assert due_at(leg(reason, ATTEMPTS_MAX), FAILURES, SHANGHAI) is None


def test_what_split_has_called_off_itself_has_not_failed() -> None:
    assert due_at(leg("cancelled", 1_000), FAILURES, SHANGHAI) == SINCE


def test_every_profile_says_when_and_never_both() -> None:
    for profile in shipped():
        assert set(profile.failures.retryable.values()) <= {"at_once", "next_day", "next_month"}
        assert not set(profile.failures.retryable) & set(profile.failures.never)
    direct = shipped().find("sandbox-direct")
    assert direct is not None
    assert direct.failures.retryable["RECEIVER_RECEIPT_LIMIT"] == "next_month"
