"""What one receiver has earned of an order or charge, and what it may still expect: how much, in what state, and when.

What is held is not the receiver's yet: a refund may take of it, which no expectation foresees.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.messages import SplitRequested
from split.domain import pots
from split.domain.calendars import Calendar
from split.domain.collectors import collecting_of, with_clock
from split.domain.holds import AT_ONCE
from split.domain.orders import Order
from split.domain.pots import MERCHANT, Pot
from split.domain.readiness import readiness
from split.domain.receivers import FREIGHT, Divided, Trees
from split.domain.shares import FREIGHT_INCOMPLETE, FREIGHT_OF, TOO_EARLY, Share

TIMED: Final = ("awaiting_", "frozen:")
"""Begin the reasons that time may end."""

State = Literal["expected", "available", "in_transit", "paid"]


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """One amount of a receiver's. No amount: nobody can say it yet; no `pay_at`: nobody can say when, `reason` why."""

    amount_minor: int | None
    state: State
    reason: str = ""
    pay_at: datetime | None = None
    payout_id: str = ""


class View(msgspec.Struct, frozen=True):
    """From where a receiver looks: who it is, the marketplace's days, and the time."""

    receiver: str
    calendar: Calendar
    now: datetime

    @property
    def word(self) -> str:
        """How legs name it."""
        return MERCHANT + self.receiver


def expecting(order: Order, request: SplitRequested) -> list[str]:
    """Return the extra receivers who may yet get a share of an order and have none, sorted.

    The ledger does not know of them. Of an order that is paid at once there are none.
    """
    if all(share.state != "held" for share in order.shares):
        return []
    there = {share.receiver for share in order.shares}
    return sorted({it.receiver for it in request.receivers if MERCHANT + it.receiver not in there})


def released(order: Order, view: View) -> list[Prospect]:
    """Return what has gone to a receiver, or came back from its bank."""
    return [
        Prospect(
            amount_minor=share.amount_minor,
            state=share.state,
            reason=share.reason or ("in_transit" if share.state == "in_transit" else ""),
            pay_at=share.due_at or None,
            payout_id=share.payout_id,
        )
        for share in order.shares
        if share.receiver == view.word and share.part and share.state in {"available", "in_transit", "paid"}
    ]


def expected(order: Order, request: SplitRequested, view: View) -> list[Prospect]:
    """Return what is held of an order and may become a receiver's."""
    facts = pots.facts(request)
    trees = Trees(request.receivers, [pot.merchant for pot in facts.pots])
    held = {share.path: share for share in order.shares if share.state == "held"}
    found = []
    for pot in facts.pots:
        share = held.get(MERCHANT + pot.merchant)
        if share is not None and (pot.merchant == view.receiver or view.receiver in trees.below(share.path)):
            amount = _of_pot(order, pot, share, trees, view)
            pay_at = _pay_at(order, pot, share, request.paid_at, view)
            found.append(Prospect(amount_minor=amount, state="expected", reason=share.reason, pay_at=pay_at))
    if view.receiver in trees.below(FREIGHT) and (freight := _of_freight(order, facts.pots, trees, view)):
        found.append(freight)
    return found


def _of_pot(order: Order, pot: Pot, share: Share, trees: Trees, view: View) -> int | None:
    """Return what a receiver may expect of a pot that is held, or of the lines that are left of it."""
    if share.earning is None:
        return None
    divided = trees.mistake or trees.divide(MERCHANT + pot.merchant, share.earning.net_minor)
    if isinstance(divided, str):
        return None
    own = divided.stays_minor if pot.merchant == view.receiver else 0
    had = sum(it.amount_minor for it in order.shares if _is_of(it, pot.merchant, view))
    return max(0, own + _portion(divided, view) - had)


def _is_of(share: Share, merchant: str, view: View) -> bool:
    """Tell whether a receiver got this share out of a merchant's pot."""
    return share.receiver == view.word and share.merchant == merchant and share.part > 0


def _portion(divided: Divided, view: View) -> int:
    return sum(it.taken_minor - it.passed_on_minor for it in divided.portions if it.receiver == view.receiver)


def _pay_at(order: Order, pot: Pot, share: Share, paid_at: datetime, view: View) -> datetime | None:
    """Return when the first of what is held may go, if time alone decides that."""
    if share.reason == TOO_EARLY:
        return None if order.look_at is msgspec.UNSET else order.look_at
    if not share.reason.startswith(TIMED):
        return None
    hold = AT_ONCE if share.hold is msgspec.UNSET else share.hold
    lines = tuple(it.line_id for it in pot.lines) if share.lines is msgspec.UNSET else share.lines
    facts = with_clock(order.known_facts, share.hold or None, collecting_of(order.channel_profile, paid_at))
    return readiness(hold, lines, paid_at, facts, (), view.calendar, view.now).next_at


def _of_freight(order: Order, parts: Sequence[Pot], trees: Trees, view: View) -> Prospect | None:
    """Return what a receiver may expect of the freight: it is divided once all of it is there."""
    if any(share.path == f"receiver:{view.receiver}" and not share.merchant for share in order.shares):
        return None
    found = list(_freights(order, parts))
    if not found:
        return None
    known = [amount for amount, _ in found if amount is not None]
    divided = trees.divide(FREIGHT, sum(known)) if len(known) == len(found) else ""
    amount = _portion(divided, view) if isinstance(divided, Divided) else None
    reason = next((reason for _, reason in found if reason != FREIGHT_INCOMPLETE), FREIGHT_INCOMPLETE)
    return Prospect(amount_minor=amount, state="expected", reason=reason)


def _freights(order: Order, parts: Sequence[Pot]) -> Iterator[tuple[int | None, str]]:
    """Give the freight of each merchant that goes to the chain, or may, and what it waits for."""
    held = {share.path: share for share in order.shares if share.state == "held"}
    for pot in parts:
        resting, pending = held.get(FREIGHT_OF + pot.merchant), held.get(MERCHANT + pot.merchant)
        if pending is not None and pot.freight_minor and (pending.earning is None or pending.earning.chain):
            yield None if pending.earning is None else pot.freight_minor, pending.reason
        elif resting is not None:
            yield resting.amount_minor, resting.reason
