"""What an institution did with a payout, applied to the order: states that change, and the entries for it.

Only what changed since the last revision is booked; a revision that is not newer is no news.
"""

from typing import Final

import msgspec

from shared.messages import LegOutcome, PayoutSettled, SubsidyOutcome
from split.domain.ledger import Entries
from split.domain.orders import Order, OwedSubsidy
from split.domain.shares import CLEARING, LIFECYCLE, MARKETING, Share, State, Step, account, leg_id

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
        after = _step(shares[place], leg, settled.payout_id)
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
        revisions={**order.revisions, number: settled.revision},
    )
    return Settlement(after_all, entries.closed())


def next_state(state: State, step: Step) -> State | None:
    """Return the state after a step: the same when it was taken before, None when the table has no such cell."""
    after = LIFECYCLE[state].get(step)
    if after is None and any(cells.get(step) == state for cells in LIFECYCLE.values()):
        return state
    return after


def _step(share: Share, leg: LegOutcome, payout_id: str) -> Share | str:
    if leg.amount_minor != share.amount_minor or leg.receiver != share.receiver:
        return "leg_differs"
    if leg.attempt > share.attempt:
        return "attempt_unknown"
    step = STEPS.get(leg.state)
    if step is None or leg.attempt < share.attempt or payout_id != share.payout_id:
        return share
    after = next_state(share.state, step)
    if after is None:
        return f"{step}_after_{share.state}"
    return msgspec.structs.replace(share, state=after, reason=(leg.reason or step) if after == "available" else "")


def _move(entries: Entries, before: Share, after: Share, channel_account: str) -> None:
    if before.state != after.state:
        giver = account(before, before.state, channel_account)
        entries.move(giver, account(after, after.state, channel_account), before.amount_minor)


def _subsidies(order: Order, settled: PayoutSettled, entries: Entries) -> tuple[OwedSubsidy, ...] | str:
    """Book the subsidies that have reached the pool; one that failed stays owed."""
    known = {owed.subsidy_id: owed for owed in order.subsidies}
    for outcome in settled.subsidies:
        owed = known.get(outcome.subsidy_id)
        if owed is None or not _same(owed, outcome):
            return "subsidy_unknown"
        if outcome.state == "succeeded" and owed.state == "requested":
            entries.move(f"{CLEARING}/{order.channel_account}", MARKETING, owed.amount_minor)
            known[owed.subsidy_id] = msgspec.structs.replace(owed, state="succeeded")
    return tuple(known.values())


def _same(owed: OwedSubsidy, outcome: SubsidyOutcome) -> bool:
    return owed.amount_minor == outcome.amount_minor
