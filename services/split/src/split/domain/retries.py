"""When split pays a leg again by itself that came back, and which legs wait for an operator (money.md 3.9). Pure.

The closed list of reasons is the profile's; what stands in no list, and what has failed too often, is an operator's.
"""

from datetime import date, datetime, timedelta
from typing import Final

from shared.profiles import Failures
from split.domain.calendars import Calendar
from split.domain.shares import Share

BACKOFF: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=24),
)
"""How long after the first, second, … failure of a leg it is tried again `at_once`."""

ATTEMPTS_MAX: Final = len(BACKOFF) + 1
"""Of one leg by split itself, whatever the reason."""

CANCELLED: Final = "cancelled"
"""Split has called the leg off: it has not failed, and is paid as soon as what it was called off for is over."""


def due_at(share: Share, failures: Failures | None, calendar: Calendar) -> datetime | None:
    """Return when a leg that came back is paid again; None when only an operator can."""
    since = share.since
    if not isinstance(since, datetime):
        return None
    if share.reason == CANCELLED:
        return since
    when = failures.retryable.get(share.reason) if failures else None
    if when is None or share.attempt >= ATTEMPTS_MAX:
        return None
    match when:
        case "at_once":
            return since + BACKOFF[share.attempt - 1]
        case "next_day":
            return calendar.after(since, 1, working=False)
        case "next_month":
            return calendar.begin(_next_month(calendar.day_of(since)))


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
