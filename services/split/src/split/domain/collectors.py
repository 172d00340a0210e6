"""Where the seller collects the buyer's money (WeChat, Alipay): its own share, and the freeze of the channel. Pure.

The collector's own share is no leg: it rests until the last of the others is paid, and comes by `finish`. The channel
freezes the payment for so long only; then it gives the rest to the collector by itself (money.md 2, decision 0022).
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.messages import PayoutRequested, SplitRequested
from shared.profiles import Profile, shipped
from split.domain.gates import Gate
from split.domain.holds import AT_ONCE, Facts, Hold, Release
from split.domain.orders import Order
from split.domain.readiness import readiness
from split.domain.requests import finish
from split.domain.shares import Share

MARGIN: Final = timedelta(days=3)
"""So long before the freeze ends, what is held is split or let go; agreements may wait no longer (money.md 2)."""
CLOCK: Final = "freeze_clock"
"""Stands for an approval where the channel's freeze lets lines go."""
UNDER_WAY: Final = frozenset({"waiting", "requested", "waiting_funds"})
"""States of refunds that may still take of an order's money."""
FINAL: Final = frozenset({"paid", "taken", "written_off"})
"""States of shares of which nothing is split off any more."""


class Collecting(msgspec.Struct, frozen=True):
    """A profile by which sellers collect, and when an order was paid by it.

    The freeze runs from `paid_at`: the channel's own time of success is in no event, and is not later than payments'
    proof of it, which comes after paid_at.
    """

    profile: Profile
    paid_at: datetime

    @property
    def ends_at(self) -> datetime | None:
        """When the channel gives the rest to the collector; None where it freezes nothing."""
        days = self.profile.freeze_days
        return None if days is None else self.paid_at + timedelta(days=days)

    @property
    def acts_at(self) -> datetime | None:
        """When what is held is split, or let go for good; None where nothing ends by itself."""
        return None if self.ends_at is None else self.ends_at - MARGIN


def collecting_of(profile_name: str, paid_at: datetime) -> Collecting | None:
    """Return how the seller collects under a profile; None where the platform or a pool does."""
    profile = shipped().find(profile_name)
    return None if profile is None or profile.collector != "merchant" else Collecting(profile, paid_at)


def with_clock(facts: Facts, hold: Hold | None, collecting: Collecting | None) -> Facts:
    """Return the facts with what the freeze's end does to a pot's lines: it releases them, unless `let_go` is said."""
    if collecting is None or collecting.acts_at is None or hold is None or hold.let_go:
        return facts
    by_clock = Release(approval_id=CLOCK, line_ids=(), at=collecting.acts_at)
    return msgspec.structs.replace(facts, released=(*facts.released, by_clock))


def waits(order: Order) -> bool:
    """Tell whether a collector's own share waits for the finish."""
    return any(share.rests for share in order.shares)


def requests_made(order: Order, size: int | None) -> int:
    """Return in how many requests the channel was asked to split an order so far; `size`: legs of one at most.

    A finish counts as one, too. What was asked of several sellers' payments counts for each of them.
    """
    legs = Counter(share.payout_id for share in order.shares if share.payout_id)
    return order.payouts + sum(-(-count // size) - 1 for count in legs.values() if size)


def finished(
    order: Order, collecting: Collecting, gate: Gate, request: SplitRequested
) -> tuple[Order, PayoutRequested | None] | None:
    """Return the order with its finish requested, once nothing else of it may still be split off; None until then.

    So payouts 1 to n-1 are known and final when finish n is asked for. A leg that has failed keeps it waiting: after it
    the profile may let nothing be split. Of a collector that may not be paid the finish waits for that, too, and of
    lines that a case keeps where they are until it ends.
    """
    own = [share for share in order.shares if share.rests]
    if not own or not collecting.profile.finish or _open(order):
        return None
    lines: dict[str, list[str]] = {}
    for line in request.lines:
        lines.setdefault(line.merchant, []).append(line.line_id)
    kept = {id(it): _kept(it, order, gate, lines.get(it.merchant, [])) for it in own}
    payout_id, asked = f"{order.document}.{order.payouts + 1}", list[Share]()
    shares, ends = list(order.shares), [] if order.look_at is msgspec.UNSET else [order.look_at]
    for place, share in enumerate(order.shares):
        if not share.rests:
            continue
        why, until = kept[id(share)]
        ends += [until] if until is not None else []
        if why:
            shares[place] = msgspec.structs.replace(share, reason=why)
        else:
            shares[place] = msgspec.structs.replace(share, payout_id=payout_id, attempt=share.attempt + 1, reason="")
            asked.append(shares[place])
    after = msgspec.structs.replace(order, shares=tuple(shares), look_at=min(ends, default=msgspec.UNSET))
    if not asked:
        return after, None
    freeze = order.freeze
    if not collecting.profile.split_after_release:
        freeze = msgspec.structs.replace(order.known_freeze, closed=True)
    after = msgspec.structs.replace(after, payouts=order.payouts + 1, freeze=freeze)
    return after, finish(after, payout_id, asked)


def _kept(share: Share, order: Order, gate: Gate, lines: Collection[str]) -> tuple[str, datetime | None]:
    """Return why a collector's own stays where it is (empty: it goes), and when that ends by itself, if it does."""
    if stopped := gate.stopped(share.payee):
        return stopped, None
    facts = Facts(freezes=order.known_facts.freezes)
    own = tuple(lines) if share.lines is msgspec.UNSET else share.lines
    ready = readiness(AT_ONCE, own, gate.now, facts, (), gate.calendar, gate.now)
    return ready.reason, ready.next_at


def _open(order: Order) -> bool:
    """Tell whether something of an order may still be split off, or be refunded from what is frozen."""
    refunds = {it.refund_id: it.state for it in order.known_refunds}
    if any(state in UNDER_WAY for state in refunds.values()):
        return True
    if any(it.refund_id not in refunds for it in order.known_facts.approved):
        return True
    if any(it.state == "requested" for it in order.subsidies):
        return True
    closed = order.known_freeze.closed
    return any(
        not share.rests and share.state not in FINAL and not (closed and share.state == "available")
        for share in order.shares
    )
