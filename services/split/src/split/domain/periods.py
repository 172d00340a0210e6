"""The period of a statement: from when until when, and how much of that is final. Pure.

Periods are half open: what was booked at the first moment is in, what was booked at the last is in the next one.
"""

from datetime import date, datetime, timedelta
from typing import Final, Literal

import msgspec

from split.domain.calendars import DAY, Calendar

FINAL_AFTER: Final = timedelta(seconds=120)
"""A transaction is booked at the time at which its unit of work began, and ends within 45 s of it; the rest is for
clocks that differ. What was booked longer ago than this never grows, so a statement of it is the same for ever."""

MILLISECOND: Final = timedelta(milliseconds=1)
YEARS: Final = range(1970, 9_000)

Mistake = Literal["period_missing", "period_ambiguous", "period_reversed", "period_not_begun", "day_out_of_range"]
"""Why there is no statement of what was asked for."""


class Period(msgspec.Struct, frozen=True):
    """Moments in UTC, whole milliseconds as the ledger has them; `until` is the first that is no longer in it."""

    since: datetime
    until: datetime


class Asked(msgspec.Struct, frozen=True):
    """What was asked for: moments, or business days of the marketplace, the last of them included."""

    since: datetime | None = None
    until: datetime | None = None
    first_day: date | None = None
    last_day: date | None = None


def period_of(asked: Asked, calendar: Calendar, now: datetime) -> Period | Mistake:
    """Return the period asked for, as far as it is final; without an end, all that is."""
    by_days = asked.first_day is not None or asked.last_day is not None
    if by_days and (asked.since is not None or asked.until is not None):
        return "period_ambiguous"
    bounds = _of_days(asked, calendar) if by_days else _of_moments(asked)
    if isinstance(bounds, str):
        return bounds
    since, until = bounds
    if until is not None and since > until:
        return "period_reversed"
    final = final_until(now)
    if since > final:
        return "period_not_begun"
    return Period(_whole(since), _whole(final if until is None else min(until, final)))


def final_until(now: datetime) -> datetime:
    """Return until when the ledger is final."""
    final = now - FINAL_AFTER
    return final - timedelta(microseconds=final.microsecond % 1000)


def _of_moments(asked: Asked) -> tuple[datetime, datetime | None] | Mistake:
    return "period_missing" if asked.since is None else (asked.since, asked.until)


def _of_days(asked: Asked, calendar: Calendar) -> tuple[datetime, datetime] | Mistake:
    first = asked.first_day
    if first is None:
        return "period_missing"
    last = asked.last_day or first
    if first.year not in YEARS or last.year not in YEARS:
        return "day_out_of_range"
    return calendar.begin(first), calendar.begin(last + DAY)


def _whole(moment: datetime) -> datetime:
    """Return the first whole millisecond that is not before a moment."""
    over = moment.microsecond % 1000
    return moment - timedelta(microseconds=over) + MILLISECOND if over else moment
