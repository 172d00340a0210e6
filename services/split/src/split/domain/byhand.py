"""What operators do to the holds of an order: freeze lines, let a freeze go, let lines go before their time. Pure.

A freeze by hand is made by one person. Whatever lets money go needs a second one (money.md 3.10), so that a freeze is
never made less by stating it anew.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from split.domain.holds import Facts, Freeze, Release, frozen, released
from split.domain.refusals import Reason, Refused

OPERATOR: Final = "operator:"
"""Begins the owner of a freeze that was made by hand; its id follows."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A freeze that was made, changed or let go by hand, for ever: who, why, when. No lines named: all of the order.

    `change_id` is made of the caller's idempotency key, or is the id of the approval that let it go. `actor` is whoever
    asked for it, `approved_by` the second person, where one was needed.
    """

    change_id: str
    marketplace: str
    order_id: str
    freeze_id: str
    open: bool
    line_ids: tuple[str, ...] = ()
    expires_at: datetime | None = None
    actor: str
    approved_by: str = ""
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """Its `_id`."""
        return f"{self.marketplace}/{self.change_id}"

    @property
    def order(self) -> str:
        """The key of its order."""
        return f"{self.marketplace}/{self.order_id}"


def freeze_of(facts: Facts, freeze_id: str) -> Freeze | None:
    """Return a freeze that was made by hand."""
    return next((it for it in facts.freezes if it.owner == OPERATOR + freeze_id), None)


def freeze(facts: Facts, change: Change, lines: Sequence[str], now: datetime) -> Facts | Refused:
    """Return the facts with a freeze by hand, which takes the place of the one of the same id; or why it cannot be.

    `lines` are those of the order, none where it has not come yet.
    """
    if lines and (unknown := set(change.line_ids) - set(lines)):
        return Refused("line_unknown", f"the order has no line {min(unknown)}")
    if change.expires_at is not None and change.expires_at <= now:
        return Refused("expiry_past", f"{change.expires_at.isoformat()} is over")
    known = freeze_of(facts, change.freeze_id)
    if known is not None and known.stops(now) and not _covers(change, known):
        return Refused("freeze_would_release", f"{known.owner} stops more, or longer: let it go, with a second person")
    return _noted(frozen(facts, _as_freeze(change, known)))


def let_go(facts: Facts, change: Change, now: datetime) -> Facts | Refused:
    """Return the facts with a freeze by hand let go; or why it cannot be."""
    known = freeze_of(facts, change.freeze_id)
    if known is None or not known.stops(now):
        return Refused("freeze_unknown", f"no freeze {change.freeze_id!r} stops anything of this order")
    return _noted(frozen(facts, _as_freeze(change, known)))


def release(facts: Facts, wanted: Release, lines: Sequence[str]) -> Facts | Refused:
    """Return the facts with lines let go before their trigger has fired or their days are over; or why they cannot be.

    Freezes, a block of the merchant and every other reason still hold them.
    """
    if unknown := set(wanted.line_ids) - set(lines):
        return Refused("line_unknown", f"the order has no line {min(unknown)}")
    return _noted(released(facts, wanted))


def _noted(after: Facts | str) -> Facts | Refused:
    if isinstance(after, Facts):
        return after
    reasons: dict[str, Reason] = {"freezes_too_many": "freezes_too_many", "releases_too_many": "releases_too_many"}
    return Refused(reasons[after], "the order has as many as are kept of one")


def _as_freeze(change: Change, known: Freeze | None) -> Freeze:
    return Freeze(
        owner=OPERATOR + change.freeze_id,
        revision=known.revision + 1 if known else 1,
        open=change.open,
        reason=change.reason,
        line_ids=change.line_ids,
        expires_at=change.expires_at,
        hash=change.change_id,
    )


def _covers(change: Change, known: Freeze) -> bool:
    """Tell whether a freeze stops all that another one stops, as long as that."""
    lines = not change.line_ids or (bool(known.line_ids) and set(known.line_ids) <= set(change.line_ids))
    if change.expires_at is None:
        return lines
    return lines and known.expires_at is not None and known.expires_at <= change.expires_at
