"""What an institution did with a payout, applied to the order: states that change, and the entries for it.

Only what changed since the last revision is booked; a revision that is not newer is no news.
"""

from typing import Final

import msgspec

from shared.messages import LegOutcome, PayoutSettled, SubsidyOutcome
from split.domain.ledger import Entries
from split.domain.orders import Order, OwedSubsidy
from split.domain.retries import CANCELLED
from split.domain.shares import CLEARING, LIFECYCLE, MARKETING, RESTORED, Share, State, Step, account, leg_id

STEPS: Final[dict[str, Step]] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
    "returned": "returned",
}
"""A leg in any other state is still on its way."""


class Settlement(msgspec.Struct, frozen=True):
    """The order after a revision, and the entries to book (perhaps none)."""

    order: Order
    entries: dict[str, int]


def settle(order: Order, settled: PayoutSettled) -> Settlement | str | None:
    """Apply one revision of a payout; None when it is no news, a reason when this order cannot take it."""
    document, _, number = settled.payout_id.rpartition(".")
    if document != order.document or not number.isdecimal() or not 1 <= int(number) <= order.payouts:
        return "payout_unknown"
    if settled.revision <= order.revisions.get(number, 0):
        return None
    entries = Entries()
    by_leg = {leg_id(order.document_key, share): place for place, share in enumerate(order.shares) if share.part}
    shares = list(order.shares)
    for leg in settled.legs:
        place = by_leg.get(leg.leg_id)
        if place is None:
            return "leg_unknown"
        after = _step(shares[place], leg, settled)
        if isinstance(after, str):
            return after
        _move(entries, shares[place], after, order.channel_account)
        shares[place] = after
    subsidies = _subsidies(order, settled, entries)
    if isinstance(subsidies, str):
        return subsidies
    after_all = msgspec.structs.replace(
        order,
        shares=tuple(shares),
        subsidies=subsidies,
        subsidy_due_minor=order.subsidy_due_minor + _called_off(order, settled),
        revisions={**order.revisions, number: settled.revision},
    )
    came_back = any(it.state == "available" != before.state for before, it in zip(order.shares, shares, strict=True))
    if came_back and (order.look_at is msgspec.UNSET or settled.settled_at < order.look_at):
        after_all = msgspec.structs.replace(after_all, look_at=settled.settled_at)
    return Settlement(after_all, entries.closed())


def next_state(state: State, step: Step) -> State | None:
    """Return the state after a step: the same when it was taken before, None when the table has no such cell."""
    after = LIFECYCLE[state].get(step)
    if after is None and any(cells.get(step) == state for cells in LIFECYCLE.values()):
        return state
    return after


def _step(share: Share, leg: LegOutcome, settled: PayoutSettled) -> Share | str:
    step = STEPS.get(leg.state)
    if mistake := _mistake(share, leg):
        return mistake
    # A leg that was written off had come back before; what an earlier attempt came to is no news either.
    late = leg.attempt < share.attempt or settled.payout_id != share.payout_id
    if late or step is None or (share.state == "written_off" and step != "succeeded"):
        return share
    after = next_state(share.state, step)
    if after is None:
        return f"{step}_after_{share.state}"
    if after == share.state:
        return share
    came_back = after == "available"
    return msgspec.structs.replace(
        share,
        state=after,
        reason=_reason(leg, step) if came_back else "",
        since=settled.settled_at if came_back else msgspec.UNSET,
    )


def _reason(leg: LegOutcome, step: Step) -> str:
    """Return why a leg came back. An institution that fails one as "cancelled" has not been told to by split."""
    if step == "cancelled":
        return CANCELLED
    return f"{step}:{leg.reason}" if leg.reason == CANCELLED else leg.reason or step


def _mistake(share: Share, leg: LegOutcome) -> str:
    """Return what cannot be of a leg.

    A later attempt, and what is written off, or was and is restored, may be less than was first tried.
    """
    if leg.attempt > share.attempt:
        return "attempt_unknown"
    by_hand = share.state == "written_off" or share.reason == RESTORED
    same = leg.attempt == share.attempt and not by_hand
    if leg.receiver != share.receiver or (same and leg.amount_minor != share.amount_minor):
        return "leg_differs"
    return ""


def _move(entries: Entries, before: Share, after: Share, channel_account: str) -> None:
    if before.state != after.state:
        giver = account(before, before.state, channel_account)
        entries.move(giver, account(after, after.state, channel_account), before.amount_minor)


def _subsidies(order: Order, settled: PayoutSettled, entries: Entries) -> tuple[OwedSubsidy, ...] | str:
    """Book the subsidies that have reached the pool; one that was called off with its legs is due again."""
    known = {owed.subsidy_id: owed for owed in order.subsidies}
    for outcome in settled.subsidies:
        owed = known.get(outcome.subsidy_id)
        if outcome.state == "cancelled":
            known.pop(outcome.subsidy_id, None)
            continue
        if owed is None or not _same(owed, outcome):
            return "subsidy_unknown"
        if outcome.state == "succeeded" and owed.state == "requested":
            entries.move(f"{CLEARING}/{order.channel_account}", MARKETING, owed.amount_minor)
            known[owed.subsidy_id] = msgspec.structs.replace(owed, state="succeeded")
    return tuple(known.values())


def _called_off(order: Order, settled: PayoutSettled) -> int:
    """Return what of the subsidies asked for will not come with this payout any more."""
    gone = {it.subsidy_id for it in settled.subsidies if it.state == "cancelled"}
    return sum(it.amount_minor for it in order.subsidies if it.subsidy_id in gone)


def _same(owed: OwedSubsidy, outcome: SubsidyOutcome) -> bool:
    return owed.amount_minor == outcome.amount_minor
