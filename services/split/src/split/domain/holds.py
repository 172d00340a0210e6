"""What a merchant's lines wait for: their settlement trigger, its days, and freezes. Events come in any order.

What happened to an order is a set of facts, never a sequence: in whatever order they came, the answer is the same.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from split.domain.calendars import Calendar
from split.domain.refunds import Approval

Trigger = Literal["paid", "shipped", "delivered", "completed"]
Standstill = Literal["", "collect", "periodic"]
"""Why money under an agreement stays even when its trigger has fired: the merchant holds it, or a period pays it."""
ProgressKind = Literal["shipped", "delivered", "completed", "cancelled"]

PROGRESS_MAX: Final = 2_000
"""Events of one order that are kept; 500 lines shipped, delivered and completed one by one are 1,500."""
FREEZES_MAX: Final = 100
REFUNDS_MAX: Final = 200
"""Refunds of one order that are kept, refused ones included; the profiles allow 50."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
CANCELLED: Final = "cancelled"
FROZEN: Final = "frozen:"
REFUNDING: Final = "refunding"


class Hold(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What an agreement makes a merchant's money wait for: a trigger, and days after it (money.md 3.7)."""

    trigger: Trigger
    days: int = 0
    working: bool = False
    then: Standstill = ""


class Progress(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One event of the goods. No lines named: all of them. `hash`: of its body, in hexadecimal."""

    kind: ProgressKind
    progress_id: str
    line_ids: tuple[str, ...]
    occurred_at: datetime
    hash: str

    @property
    def identity(self) -> str:
        """What makes it one event of its order."""
        return f"{self.kind}/{self.progress_id}"


class Freeze(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A stop on lines (none named: all), by its owner, such as `case:<id>`. Expired or not open, it stops nothing.

    A closed one is kept: an older revision that comes later must not open it again.
    """

    owner: str
    revision: int
    open: bool
    reason: str
    line_ids: tuple[str, ...] = ()
    expires_at: datetime | None = None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that has happened to an order's goods and cases, and the refunds approved of it."""

    progress: tuple[Progress, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    approved: tuple[Approval, ...] = ()


NO_FACTS: Final = Facts()


def progressed(facts: Facts, event: Progress) -> Facts | str:
    """Return the facts with one event of the goods more; the same ones for a repeat, or why it cannot be taken."""
    for it in facts.progress:
        if it.identity == event.identity:
            return facts if it.hash == event.hash else "progress_differs"
    if len(facts.progress) >= PROGRESS_MAX:
        return "progress_too_much"
    return msgspec.structs.replace(facts, progress=(*facts.progress, event))


def frozen(facts: Facts, freeze: Freeze) -> Facts | str:
    """Return the facts with the newest state of a freeze; the same ones for what is not newer, or why it cannot be."""
    known = next((it for it in facts.freezes if it.owner == freeze.owner), None)
    if known is not None and freeze.revision <= known.revision:
        return "freeze_differs" if freeze.revision == known.revision and freeze != known else facts
    if known is None and len(facts.freezes) >= FREEZES_MAX:
        return "freezes_too_many"
    others = tuple(it for it in facts.freezes if it is not known)
    return msgspec.structs.replace(facts, freezes=(*others, freeze))


def approved(facts: Facts, approval: Approval) -> Facts | str:
    """Return the facts with one approved refund more; the same ones for a repeat, or why it cannot be taken."""
    for it in facts.approved:
        if it.refund_id == approval.refund_id:
            return facts if it.hash == approval.hash else "refund_differs"
    if len(facts.approved) >= REFUNDS_MAX:
        return "refunds_too_many"
    return msgspec.structs.replace(facts, approved=(*facts.approved, approval))


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
    ready: set[str] = set()
    reason, next_at = "", None
    for line in lines:
        stop, until = (REFUNDING, None) if line in refunding else _stopped(line, facts, now)
        due = due_at(hold, line, paid_at, facts.progress, calendar)
        if not stop and due is not None and due <= now:
            ready.add(line)
            continue
        reason = reason or stop or f"awaiting_{hold.trigger}"
        later = _latest(until, due) if due is not None and (until is not None or not stop) else None
        if later is not None and (next_at is None or later < next_at):
            next_at = later
    return Readiness(lines=frozenset(ready), reason=reason, next_at=next_at)


def due_at(
    hold: Hold, line: str, paid_at: datetime, progress: Iterable[Progress], calendar: Calendar
) -> datetime | None:
    """Return when a line's trigger and its days are over; None while the trigger has not fired.

    A trigger fires by its own event or by a later one of the goods: what is completed has been delivered.
    """
    fired = paid_at if hold.trigger == "paid" else _fired_at(hold.trigger, line, progress)
    return None if fired is None else calendar.after(fired, hold.days, working=hold.working)


def cancelled(line: str, progress: Iterable[Progress]) -> bool:
    """Tell whether a line was called off: it is not paid out any more, a refund follows."""
    return any(it.kind == CANCELLED and _concerns(it.line_ids, line) for it in progress)


_AFTER: Final[dict[Trigger, tuple[ProgressKind, ...]]] = {
    "paid": (),
    "shipped": ("shipped", "delivered", "completed"),
    "delivered": ("delivered", "completed"),
    "completed": ("completed",),
}


def _fired_at(trigger: Trigger, line: str, progress: Iterable[Progress]) -> datetime | None:
    times = [it.occurred_at for it in progress if it.kind in _AFTER[trigger] and _concerns(it.line_ids, line)]
    return min(times, default=None)


def _stopped(line: str, facts: Facts, now: datetime) -> tuple[str, datetime | None]:
    """Return why a line is stopped (empty: it is not), and until when (None: until news)."""
    if cancelled(line, facts.progress):
        return CANCELLED, None
    active = [
        it
        for it in facts.freezes
        if it.open and _concerns(it.line_ids, line) and (it.expires_at is None or it.expires_at > now)
    ]
    if not active:
        return "", None
    ends = [it.expires_at for it in active]
    return FROZEN + min(it.owner for it in active), None if None in ends else max(
        end for end in ends if end is not None
    )


def _concerns(named: Sequence[str], line: str) -> bool:
    return not named or line in named


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
