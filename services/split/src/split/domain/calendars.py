"""Business time of a marketplace: which day a moment belongs to, and when N days after it are over. Pure."""

from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

SATURDAY: Final = 5
DAY: Final = timedelta(days=1)
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
        """Return the business day of a moment: before the cut it is still the day before."""
        local = moment.astimezone(self.zone)
        return local.date() if local.time() >= self.day_cut else local.date() - DAY

    def begin(self, day: date) -> datetime:
        """Return the first moment of a business day, in UTC."""
        return datetime.combine(day, self.day_cut, self.zone).astimezone(UTC)

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
        day, left = self.day_of(moment), days
        if not working:
            return self.begin(day + days * DAY)
        for _ in range(SEARCH_DAYS_MAX):
            day += DAY
            left -= self.works(day)
            if not left:
                return self.begin(day)
        message = f"no {days} working days after {moment.isoformat()}"
        raise ValueError(message)
