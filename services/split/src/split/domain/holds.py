"""What a merchant's lines wait for: their settlement trigger, its days, and freezes. Events come in any order.

What happened to an order is a set of facts, never a sequence: in whatever order they came, the answer is the same.
"""

from datetime import datetime
from typing import Final, Literal

import msgspec

from split.domain.movements import MOVEMENTS_MAX, OPEN_MAX, UNFREEZE, Movement
from split.domain.refunds import Approval

Trigger = Literal["paid", "shipped", "delivered", "completed"]
Standstill = Literal["", "collect", "periodic"]
"""Why money under an agreement stays even when its trigger has fired: the merchant holds it, or a period pays it."""
ProgressKind = Literal["shipped", "delivered", "completed", "cancelled"]

PROGRESS_MAX: Final = 2_000
"""Events of one order that are kept; 500 lines shipped, delivered and completed one by one are 1,500."""
FREEZES_MAX: Final = 100
RELEASES_MAX: Final = 100
REFUNDS_MAX: Final = 200
"""Refunds of one order that are kept, refused ones included; the profiles allow 50."""
LINES_NAMED_MAX: Final = 20_000
"""By all facts of an order together, 1.4 MB: a document has 16 MB, and its other parts need their place."""
CANCELLED: Final = "cancelled"
FROZEN: Final = "frozen:"
REFUNDING: Final = "refunding"
CHARGEBACK: Final = "chargeback:"


class Hold(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What an agreement makes a merchant's money wait for: a trigger, and days after it (money.md 3.7).

    `let_go`: what still waits when the channel's freeze is about to end is left to it (money.md 2).
    """

    trigger: Trigger
    days: int = 0
    working: bool = False
    then: Standstill = ""
    let_go: bool = False


AT_ONCE: Final = Hold(trigger="paid")


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

    def stops(self, now: datetime) -> bool:
        """Tell whether it stops anything at a moment."""
        return self.open and (self.expires_at is None or self.expires_at > now)


class Release(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Lines (none named: all) that two people let go before their trigger has fired or their days are over."""

    approval_id: str
    line_ids: tuple[str, ...]
    at: datetime


class Facts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that has happened to an order's goods and cases, the refunds approved of it, and what its channel did."""

    progress: tuple[Progress, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    released: tuple[Release, ...] = ()
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


def released(facts: Facts, release: Release) -> Facts | str:
    """Return the facts with one release by hand more; the same ones for a repeat, or why it cannot be taken."""
    if any(it.approval_id == release.approval_id for it in facts.released):
        return facts
    if len(facts.released) >= RELEASES_MAX or _named(facts) + len(release.line_ids) > LINES_NAMED_MAX:
        return "releases_too_many"
    return msgspec.structs.replace(facts, released=(*facts.released, release))


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
    if movement.kind in ("console_refund", UNFREEZE):
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


def _named(facts: Facts) -> int:
    named = [it.line_ids for it in facts.progress]
    named += [it.line_ids for it in facts.freezes]
    named += [it.line_ids for it in facts.released]
    return sum(len(it) for it in named)
