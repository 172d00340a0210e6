"""What rests in `available`: paid again by itself, by two people's decision, or written off by it (money.md 3.9).

What was written off by mistake is restored to where it rested, and then paid like any other leg of operators.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec

from shared.profiles import Profile
from split.domain import retries
from split.domain.calendars import Calendar
from split.domain.gates import ABOVE_CAP, RESERVE
from split.domain.orders import Order
from split.domain.pots import MERCHANT
from split.domain.refusals import Refused
from split.domain.rounds import Round
from split.domain.shares import RESERVE_OF, RESTORED, TOO_EARLY, Share, account, leg_id
from split.domain.takings import begun
from split.domain.unfreezes import give_up


class Deed(msgspec.Struct, frozen=True):
    """What two people have decided about one leg: to pay it now, to pay nobody, or that it is owed all the same."""

    what: Literal["retry", "write_off", "restore"]
    leg_id: str


def leg_of(order: Order, identity: str) -> Share | None:
    """Return the share that a leg pays."""
    return next((it for it in order.shares if it.part and leg_id(order.document_key, it) == identity), None)


def refusal(order: Order, deed: Deed) -> Refused | None:
    """Return why a deed makes no sense, if so."""
    share = leg_of(order, deed.leg_id)
    if share is None:
        return Refused("leg_unknown", f"order {order.order_id} has no leg {deed.leg_id}")
    if deed.what == "restore":
        there = share.state == "written_off" and share.receiver.startswith(MERCHANT)
        return None if there else Refused("leg_not_written_off", f"it is {share.state}")
    if share.state != "available":
        return Refused("leg_not_available", f"it is {share.state}")
    if deed.what == "retry" and _over(order, share):
        return Refused("channel_closed", "its channel splits nothing off this order any more")
    if deed.what == "write_off" and not share.receiver.startswith(MERCHANT):
        return Refused("leg_of_platform", "what the platform is owed is not given up here")
    return None


type Why = Literal["never_retried", "unlisted", "tried_too_often", "above_cap", "channel_closed"]


def for_operator(order: Order, share: Share, profile: Profile | None, calendar: Calendar) -> Why | None:
    """Return why only an operator can let a share go; None where something else can, or nothing holds it."""
    if share.state != "available":
        return None
    if _over(order, share):
        return "channel_closed"
    if share.stopped:
        return "above_cap" if share.reason == ABOVE_CAP else None
    if retries.due_at(share, profile.failures if profile else None, calendar) is not None:
        return None
    if profile and share.reason in profile.failures.never:
        return "never_retried"
    return "tried_too_often" if share.attempt >= retries.ATTEMPTS_MAX else "unlisted"


def resume(pass_: Round, profile: Profile | None, stopped: Collection[str], deed: Deed | None = None) -> None:
    """Look at every share that is available: pay it if its time has come, or note when that will be.

    Of lines of which a refund waits to be planned (`stopped`) nothing goes out, nor what the channel splits no more.
    """
    for place, share in enumerate(tuple(pass_.shares)):
        mine = deed is not None and share.part and leg_id(pass_.order.document_key, share) == deed.leg_id
        if mine and deed is not None and deed.what == "restore":
            _restore(pass_, place)
        elif share.state != "available" or _stopped(share, stopped):
            continue
        elif mine and deed is not None and deed.what == "write_off":
            pass_.write_off(place)
        elif mine:
            pass_.send(place, by_hand=True)
        else:
            _wait_or_send(pass_, place, profile)


def _wait_or_send(pass_: Round, place: int, profile: Profile | None) -> None:
    share, over = pass_.shares[place], _over(pass_.order, pass_.shares[place])
    if over and pass_.order.known_freeze.unfrozen and share.receiver.startswith("platform:"):
        give_up(pass_, place)
        return
    if share.reason == TOO_EARLY and not begun(pass_, share):
        return
    due_at = None if over else _due_at(share, profile, pass_)
    if due_at is None:
        pass_.leave(share.since or pass_.order.operator_at or pass_.gate.now)
    elif due_at > pass_.gate.now:
        pass_.look(due_at)
    else:
        pass_.send(place)


def _over(order: Order, share: Share) -> bool:
    """Tell whether the channel splits a share off its order no more: it is not the collector's own."""
    return order.known_freeze.closed and share.receiver != MERCHANT + share.merchant


def _due_at(share: Share, profile: Profile | None, pass_: Round) -> datetime | None:
    """Return when a share may go; None when only an operator can let it."""
    if not share.stopped:
        return retries.due_at(share, profile.failures if profile else None, pass_.gate.calendar)
    if share.reason == RESERVE:
        return share.due_at or None
    return pass_.gate.now


def _stopped(share: Share, stopped: Collection[str]) -> bool:
    return bool(stopped) and (share.lines is msgspec.UNSET or not set(stopped).isdisjoint(share.lines))


def _restore(pass_: Round, place: int) -> None:
    """Have a share be owed again that was written off, and rest until operators pay it."""
    share = pass_.shares[place]
    back = msgspec.structs.replace(share, state="available", reason=RESTORED, since=pass_.gate.now)
    pass_.shares[place] = back
    taker = account(back, "available", pass_.order.channel_account)
    pass_.entries.move(account(share, "written_off", pass_.order.channel_account), taker, share.amount_minor)
    standing = pass_.standing(share.payee)
    if share.path.startswith(RESERVE_OF) and not share.attempt:
        reserve = standing.guard.reserve_minor + share.amount_minor
        guard = msgspec.structs.replace(standing.guard, reserve_minor=reserve)
        pass_.netted[share.payee] = msgspec.structs.replace(standing, guard=guard)
    else:
        available = standing.available_minor + share.amount_minor
        pass_.netted[share.payee] = msgspec.structs.replace(standing, available_minor=available)
    pass_.leave(pass_.gate.now)
