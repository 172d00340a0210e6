"""What rests in `available`: paid again by itself, by two people's decision, or written off by it (money.md 3.9)."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec

from shared.profiles import Profile
from split.domain import retries
from split.domain.calendars import Calendar
from split.domain.gates import RESERVE
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.refusals import Refused
from split.domain.rounds import Round
from split.domain.shares import Share, leg_id


class Deed(msgspec.Struct, frozen=True):
    """What two people have decided about one leg: to pay it now, or to pay nobody."""

    what: Literal["retry", "write_off"]
    leg_id: str


def leg_of(order: Order, identity: str) -> Share | None:
    """Return the share that a leg pays."""
    return next((it for it in order.shares if it.part and leg_id(order.document_key, it) == identity), None)


def refusal(order: Order, deed: Deed) -> Refused | None:
    """Return why a deed makes no sense, if so."""
    share = leg_of(order, deed.leg_id)
    if share is None:
        return Refused("leg_unknown", f"order {order.order_id} has no leg {deed.leg_id}")
    if share.state != "available":
        return Refused("leg_not_available", f"it is {share.state}")
    if deed.what == "retry" and order.known_freeze.closed and share.path != MERCHANT + share.merchant:
        return Refused("channel_closed", "its channel splits nothing off this order any more")
    if deed.what == "write_off" and not share.receiver.startswith(MERCHANT):
        return Refused("leg_of_platform", "what the platform is owed is not given up here")
    return None


def for_operator(share: Share, profile: Profile | None, calendar: Calendar) -> bool:
    """Tell whether only an operator can let a share go."""
    came_back = share.state == "available" and not share.stopped
    return came_back and retries.due_at(share, profile.failures if profile else None, calendar) is None


def resume(pass_: Round, profile: Profile | None, stopped: Collection[str], deed: Deed | None = None) -> None:
    """Look at every share that is available: pay it if its time has come, or note when that will be.

    Of lines of which a refund waits to be planned (`stopped`) nothing goes out, nor what the channel splits no more.
    """
    since: list[datetime] = []
    closed = pass_.order.known_freeze.closed
    for place, share in enumerate(tuple(pass_.shares)):
        if share.state != "available" or _stopped(share, stopped):
            continue
        if deed is not None and leg_id(pass_.order.document_key, share) == deed.leg_id:
            if deed.what == "write_off":
                pass_.write_off(place)
            else:
                pass_.send(place, by_hand=True)
            continue
        over = closed and not pass_.is_own(share.path, share.receiver)
        due_at = None if over else _due_at(share, profile, pass_)
        if due_at is None:
            since.append(share.since or pass_.gate.now)
        elif due_at > pass_.gate.now:
            pass_.look(due_at)
        else:
            pass_.send(place)
    pass_.operator_at = min(since, default=None)


def _due_at(share: Share, profile: Profile | None, pass_: Round) -> datetime | None:
    """Return when a share may go; None when only an operator can let it."""
    if not share.stopped:
        return retries.due_at(share, profile.failures if profile else None, pass_.gate.calendar)
    if share.reason == RESERVE:
        return share.due_at or None
    return pass_.gate.now


def _stopped(share: Share, stopped: Collection[str]) -> bool:
    return bool(stopped) and (share.lines is msgspec.UNSET or not set(stopped).isdisjoint(share.lines))
