"""What a merchant's lines wait for: their settlement trigger, its days, and freezes. Events come in any order.

What happened to an order is a set of facts, never a sequence: in whatever order they came, the answer is the same.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from split.domain.calendars import Calendar
from split.domain.movements import MOVEMENTS_MAX, OPEN_MAX, Movement
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
LINES_NAMED_MAX: Final = 20_000
"""By all facts of an order together, 1.4 MB: a document has 16 MB, and its other parts need their place."""
CANCELLED: Final = "cancelled"
FROZEN: Final = "frozen:"
REFUNDING: Final = "refunding"
CHARGEBACK: Final = "chargeback:"


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

    A closed one is kept: an older revision that comes later must not open it again. `hash`: of what stated it, in
    hexadecimal.
    """

    owner: str
    revision: int
    open: bool
    reason: str
    line_ids: tuple[str, ...] = ()
    expires_at: datetime | None = None
    hash: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that has happened to an order's goods and cases, the refunds approved of it, and what its channel did."""

    progress: tuple[Progress, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    approved: tuple[Approval, ...] = ()
    moved: tuple[Movement, ...] = ()


NO_FACTS: Final = Facts()


def progressed(facts: Facts, event: Progress) -> Facts | str:
    """Return the facts with one event of the goods more; the same ones for a repeat, or why it cannot be taken."""
    for it in facts.progress:
        if it.identity == event.identity:
            return facts if it.hash == event.hash else "progress_differs"
    if len(facts.progress) >= PROGRESS_MAX or _named(facts) + len(event.line_ids) > LINES_NAMED_MAX:
        return "progress_too_much"
    return msgspec.structs.replace(facts, progress=(*facts.progress, event))


def frozen(facts: Facts, freeze: Freeze) -> Facts | str:
    """Return the facts with the newest state of a freeze; the same ones for what is not newer, or why it cannot be."""
    known = next((it for it in facts.freezes if it.owner == freeze.owner), None)
    if known is not None and freeze.revision <= known.revision:
        return "freeze_differs" if freeze.revision == known.revision and freeze.hash != known.hash else facts
    kept = len(known.line_ids) if known else 0
    if (known is None and len(facts.freezes) >= FREEZES_MAX) or (
        _named(facts) - kept + len(freeze.line_ids) > LINES_NAMED_MAX
    ):
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


def moved(facts: Facts, movement: Movement) -> Facts | str:
    """Return the facts with one movement of the channel more; the same ones for a repeat, or why it cannot be taken.

    While a chargeback is open nothing of its order goes out.
    """
    for it in facts.moved:
        if it.identity == movement.identity:
            return facts if it.hash == movement.hash else "movement_differs"
    if len(facts.moved) >= MOVEMENTS_MAX:
        return "movements_too_many"
    after = msgspec.structs.replace(facts, moved=(*facts.moved, movement))
    if movement.kind == "console_refund":
        return after
    opens = movement.kind == "chargeback"
    freeze = Freeze(
        owner=CHARGEBACK + (movement.movement_id if opens else movement.reverses),
        revision=1 if opens else 2,
        open=opens,
        reason=movement.kind,
        expires_at=movement.moved_at + OPEN_MAX,
        hash=movement.hash,
    )
    return frozen(after, freeze)


def chargeback_until(facts: Facts, now: datetime) -> datetime | None:
    """Return until when a chargeback counts as open; None when none is."""
    ends = [it.expires_at for it in facts.freezes if it.open and it.owner.startswith(CHARGEBACK) and it.expires_at]
    return max((end for end in ends if end > now), default=None)


def fitting(facts: Facts, lines: frozenset[str], currency: str) -> tuple[Facts, Facts]:
    """Divide what came before its order into what the order can take, and what names a line that it has not.

    So it is with money that a channel moved in another currency, and with the freeze that it brought.

    Of an order that is there such an event is refused; that it came earlier must make no difference.
    """
    foreign = {it.hash for it in facts.moved if it.currency != currency}

    def fit(it: Progress | Freeze | Movement) -> bool:
        return it.hash not in foreign and (isinstance(it, Movement) or lines.issuperset(it.line_ids))

    fits = msgspec.structs.replace(
        facts,
        progress=tuple(it for it in facts.progress if fit(it)),
        freezes=tuple(it for it in facts.freezes if fit(it)),
        moved=tuple(it for it in facts.moved if fit(it)),
    )
    misfits = Facts(
        progress=tuple(it for it in facts.progress if not fit(it)),
        freezes=tuple(it for it in facts.freezes if not fit(it)),
        moved=tuple(it for it in facts.moved if not fit(it)),
    )
    return fits, misfits


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
    fired, stops = _Fired(hold.trigger, facts.progress), _Stops(facts, now)
    dues: dict[datetime, datetime] = {}
    found: list[Wait] = []
    for line in lines:
        begins = fired.at(line) if hold.trigger != "paid" else paid_at if hold.days else min(paid_at, now)
        if begins is not None and begins not in dues:
            dues[begins] = calendar.after(begins, hold.days, working=hold.working)
        due = None if begins is None else dues[begins]
        reason, look_at = (REFUNDING, None) if line in refunding else stops.of(line)
        if not reason and (due is None or due > now):
            reason, look_at = f"awaiting_{hold.trigger}", due
        found.append(Wait(line_id=line, reason=reason, due_at=due, look_at=look_at))
    return found


_AFTER: Final[dict[Trigger, tuple[ProgressKind, ...]]] = {
    "paid": (),
    "shipped": ("shipped", "delivered", "completed"),
    "delivered": ("delivered", "completed"),
    "completed": ("completed",),
}


class _Fired:
    """When the trigger of each line fired. An order may have 500 lines and 2,000 events: each is looked at once."""

    def __init__(self, trigger: Trigger, progress: Iterable[Progress]) -> None:
        self._all: datetime | None = None
        self._lines: dict[str, datetime] = {}
        for it in progress:
            if it.kind not in _AFTER[trigger]:
                continue
            if not it.line_ids:
                self._all = it.occurred_at if self._all is None else min(self._all, it.occurred_at)
            for line in it.line_ids:
                self._lines[line] = min(self._lines.get(line, it.occurred_at), it.occurred_at)

    def at(self, line: str) -> datetime | None:
        found = self._lines.get(line)
        return min(found, self._all) if found is not None and self._all is not None else found or self._all


class _Stops:
    """What stops each line at a moment: that it was called off, else open freezes."""

    def __init__(self, facts: Facts, now: datetime) -> None:
        called_off = [it for it in facts.progress if it.kind == CANCELLED]
        self._all_off = any(not it.line_ids for it in called_off)
        self._off = {line for it in called_off for line in it.line_ids}
        self._freezes = [
            (it, frozenset(it.line_ids))
            for it in facts.freezes
            if it.open and (it.expires_at is None or it.expires_at > now)
        ]

    def of(self, line: str) -> tuple[str, datetime | None]:
        """Return why a line is stopped (empty: it is not), and when the first of several freezes ends by itself."""
        if self._all_off or line in self._off:
            return CANCELLED, None
        active = [it for it, lines in self._freezes if not lines or line in lines]
        if not active:
            return "", None
        ends = (it.expires_at for it in active if it.expires_at is not None)
        return FROZEN + min(it.owner for it in active), min(ends, default=None)


def _named(facts: Facts) -> int:
    return sum(len(it.line_ids) for it in facts.progress) + sum(len(it.line_ids) for it in facts.freezes)
