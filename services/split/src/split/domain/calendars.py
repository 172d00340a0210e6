"""Business time of a marketplace: which day a moment belongs to, and when N days after it are over. Pure."""

from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

SATURDAY: Final = 5
DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
"""What is said to have happened before is as old as this: no zone has days near the year 1."""
SEARCH_DAYS_MAX: Final = 4_000
"""How far a working day is looked for: 365 working days with every holiday end long before."""


class Calendar(msgspec.Struct, frozen=True):
    """A marketplace's zone, the local time at which its business day begins, and the days that break the week's rule.

    `holidays` are no working days; `workdays` are, though they fall on a weekend (调休).
    """

    zone: ZoneInfo
    day_cut: time
    holidays: AbstractSet[date] = frozenset()
    workdays: AbstractSet[date] = frozenset()

    def day_of(self, moment: datetime) -> date:
        """Return the business day of a moment: it has begun, and the next one has not."""
        day = moment.astimezone(self.zone).date()
        if moment < self.begin(day):
            return day - DAY
        # Clocks that are put back around the cut show the day before again: the new day stays.
        return day + DAY if moment >= self.begin(day + DAY) else day

    def begin(self, day: date) -> datetime:
        """Return the first moment of a business day, in UTC: when clocks first show its cut, or leap over it."""
        local = datetime.combine(day, self.day_cut, self.zone)
        found, before = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        if before >= found:
            return found
        # The cut is on no clock that day: look for the leap, which is on a whole second.
        while found - before > SECOND:
            middle = before + (found - before) // SECOND // 2 * SECOND
            leapt = middle.astimezone(self.zone).replace(tzinfo=None) >= local.replace(tzinfo=None)
            before, found = (before, middle) if leapt else (middle, found)
        return found

    def works(self, day: date) -> bool:
        """Tell whether it is a working day."""
        return day in self.workdays or (day.weekday() < SATURDAY and day not in self.holidays)

    def after(self, moment: datetime, days: int, *, working: bool) -> datetime:
        """Return when a moment is `days` days old (T+N): as the N-th business day after its own begins.

        Zero days is the moment itself. With `working`, only working days are counted.

        Raises:
            ValueError: there are no so many working days within 4,000 days.

        """
        if not days:
            return moment
        day, left = self.day_of(max(moment, EARLIEST)), days
        if not working:
            return self.begin(day + days * DAY)
        for _ in range(SEARCH_DAYS_MAX):
            day += DAY
            left -= self.works(day)
            if not left:
                return self.begin(day)
        message = f"no {days} working days after {moment.isoformat()}"
        raise ValueError(message)
