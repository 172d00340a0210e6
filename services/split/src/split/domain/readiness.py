"""Which of a merchant's lines may go now, what each of the others waits for, and when to look again. Pure."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from split.domain.calendars import Calendar
from split.domain.holds import CANCELLED, FROZEN, REFUNDING, Facts, Hold, ProgressKind, Trigger

AWAITING: Final = "awaiting_"
"""Begins the reason of a line whose trigger, which follows, has not fired, or whose days are not over."""


class Wait(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How one line stands: why it may not go (empty: it may), when it is due if that is known, when to look again.

    `look_at` is the next moment at which time alone changes the answer; None: only news does.
    """

    line_id: str
    reason: str
    due_at: datetime | None
    look_at: datetime | None = None


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines may go now, why the first of the others may not, and when to look again (None: only after news)."""

    lines: frozenset[str]
    reason: str
    next_at: datetime | None = None


def readiness(
    hold: Hold,
    lines: Sequence[str],
    paid_at: datetime,
    facts: Facts,
    refunding: Collection[str],
    calendar: Calendar,
    now: datetime,
) -> Readiness:
    """Say which of a merchant's lines may be paid out at `now`; not those of which a refund waits to be planned."""
    found = waits(hold, lines, paid_at, facts, refunding, calendar, now)
    return Readiness(
        lines=frozenset(it.line_id for it in found if not it.reason),
        reason=next((it.reason for it in found if it.reason), ""),
        next_at=min((it.look_at for it in found if it.look_at is not None), default=None),
    )


def waits(
    hold: Hold,
    lines: Iterable[str],
    paid_at: datetime,
    facts: Facts,
    refunding: Collection[str],
    calendar: Calendar,
    now: datetime,
) -> list[Wait]:
    """Say of each line what it waits for at `now`.

    A trigger fires by its own event or by a later one of the goods: what is completed has been delivered. Of several
    events the earliest counts, whichever came first. What is due when it is paid is due when its order is there.
    """
    fired, stops = _Fired(hold.trigger, facts), _Stops(facts, now)
    dues: dict[datetime, datetime] = {}
    found: list[Wait] = []
    for line in lines:
        begins = fired.at(line) if hold.trigger != "paid" else paid_at if hold.days else min(paid_at, now)
        if begins is not None and begins not in dues:
            dues[begins] = calendar.after(begins, hold.days, working=hold.working)
        due = _earlier(None if begins is None else dues[begins], fired.by_hand(line))
        reason, look_at = (REFUNDING, None) if line in refunding else stops.of(line)
        if not reason and (due is None or due > now):
            reason, look_at = AWAITING + hold.trigger, due
        found.append(Wait(line_id=line, reason=reason, due_at=due, look_at=look_at))
    return found


_AFTER: Final[dict[Trigger, tuple[ProgressKind, ...]]] = {
    "paid": (),
    "shipped": ("shipped", "delivered", "completed"),
    "delivered": ("delivered", "completed"),
    "completed": ("completed",),
}


class _Earliest:
    """The earliest moment that was said of each line, and of all lines together."""

    def __init__(self, said: Iterable[tuple[Sequence[str], datetime]]) -> None:
        self._all: datetime | None = None
        self._lines: dict[str, datetime] = {}
        for lines, moment in said:
            if not lines:
                self._all = _earlier(self._all, moment)
            for line in lines:
                self._lines[line] = min(self._lines.get(line, moment), moment)

    def of(self, line: str) -> datetime | None:
        return _earlier(self._lines.get(line), self._all)


class _Fired:
    """When the trigger of each line fired. An order may have 500 lines and 2,000 events: each is looked at once."""

    def __init__(self, trigger: Trigger, facts: Facts) -> None:
        counts = _AFTER[trigger]
        self._goods = _Earliest((it.line_ids, it.occurred_at) for it in facts.progress if it.kind in counts)
        self._hands = _Earliest((it.line_ids, it.at) for it in facts.released)

    def at(self, line: str) -> datetime | None:
        return self._goods.of(line)

    def by_hand(self, line: str) -> datetime | None:
        """Return when two people have let it go, whatever its trigger."""
        return self._hands.of(line)


class _Stops:
    """What stops each line at a moment: that it was called off, else open freezes."""

    def __init__(self, facts: Facts, now: datetime) -> None:
        called_off = [it for it in facts.progress if it.kind == CANCELLED]
        self._all_off = any(not it.line_ids for it in called_off)
        self._off = {line for it in called_off for line in it.line_ids}
        self._freezes = [(it, frozenset(it.line_ids)) for it in facts.freezes if it.stops(now)]

    def of(self, line: str) -> tuple[str, datetime | None]:
        """Return why a line is stopped (empty: it is not), and when the first of several freezes ends by itself."""
        if self._all_off or line in self._off:
            return CANCELLED, None
        active = [it for it, lines in self._freezes if not lines or line in lines]
        if not active:
            return "", None
        ends = (it.expires_at for it in active if it.expires_at is not None)
        return FROZEN + min(it.owner for it in active), min(ends, default=None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return one if other is None else other if one is None else min(one, other)
