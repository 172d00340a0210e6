"""How instructions are carried out and concluded. A number is executed once; nothing is taken that is not there."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sandbox.domain.behaviours.about import NOTHING, About, Uses
from sandbox.domain.behaviours.collected import Collected, left_change, payment_of
from sandbox.domain.behaviours.limited import Limited, transit_of
from sandbox.domain.behaviours.pool import Pool
from sandbox.domain.books import FEES_BACK, Change, Place
from sandbox.domain.faults import Faults
from sandbox.domain.transfers import Record, Transfer, TransferAnswer
from shared.profiles import Profile


def execute(
    transfers: Sequence[Transfer],
    known: Mapping[str, Record],
    balances: Mapping[Place, int],
    faults: Faults,
    now: datetime,
    about: About = NOTHING,
    profile: Profile | None = None,
) -> tuple[list[TransferAnswer], Change[Record]]:
    """Execute new transfers in order, each against what the ones before it left; answer a known one as it stands.

    `known`: also the payouts that returns are of. `profile`: None for an account that was never opened.
    """
    request = (transfers, known, balances, faults, now, about)
    course: Pool
    if is_direct(profile):
        course = Pool(*request)
    elif profile is not None and profile.collector == "merchant":
        course = Collected(profile, *request)
    else:
        course = Limited(profile, *request)  # type: ignore[arg-type] # it is not direct, so that it is there
    return [course.carry_out(transfer) for transfer in transfers], course.change


def conclude(
    accepted: Iterable[Record],
    outcome: Faults | str | None,
    now: datetime,
    profile: Profile | None = None,
    known: Mapping[str, Record] | None = None,
) -> Change[Record]:
    """Give each accepted transfer its outcome: to where it goes, or back to where it came from.

    `outcome`: the faults that decide it; or, where people do, why they could not carry it out, or None. `known`: the
    payouts that returns are of, where the merchant collects.
    """
    change: Change[Record] = Change()
    for record in accepted:
        transfer = record.transfer
        reason = record.reason
        if reason is None and isinstance(outcome, Faults):
            reason = outcome.failing(transfer.kind, transfer.receiver, transfer.of)
        elif not isinstance(outcome, Faults):
            reason = outcome
        settle(record, reason, now, profile, change)
        if collects(profile):
            _refreeze(record, change.records[-1], known or {}, change)
    return change


def settle(record: Record, reason: str | None, now: datetime, profile: Profile | None, change: Change[Record]) -> None:
    """Add the outcome of one accepted transfer: why it failed, or None."""
    transfer = record.transfer
    source, target = transfer.source, transfer.target
    if source is not None:
        change.pockets[transit_of(profile), transfer.currency] -= transfer.amount_minor
    if reason is None:
        change.records.append(Record(transfer=transfer, state="succeeded", executed_at=now))
        if target is not None:
            change.pockets[target] += transfer.amount_minor
        if transfer.fee_minor:
            change.pockets[FEES_BACK, transfer.currency] += transfer.fee_minor
    else:
        change.records.append(Record(transfer=transfer, state="failed", reason=reason))
        if source is not None:
            change.pockets[source] += transfer.amount_minor


def give_back(
    paid: Iterable[Record], reason: str, used: Uses | None = None, profile: Profile | None = None
) -> Change[Record]:
    """Take back what the payees' banks return, days after it succeeded: the pool has the money again.

    `used`: what receivers have given back already; of such a payout the bank has no longer all to return.
    """
    change: Change[Record] = Change()
    for record in paid:
        transfer = record.transfer
        gave = used is not None and used["return", transfer.number] > 0
        if record.state == "succeeded" and transfer.source is not None and transfer.target is None and not gave:
            change.pockets[transfer.source] += transfer.amount_minor
            if transfer.fee_minor:
                change.pockets[FEES_BACK, transfer.currency] -= transfer.fee_minor
            done = Record(transfer=transfer, state="returned", reason=reason, executed_at=record.executed_at)
            change.records.append(done)
            if collects(profile):
                _refreeze(record, done, {}, change)
    return change


def is_direct(profile: Profile | None) -> bool:
    """Tell whether an account knows no limit but what is in it."""
    return profile is None or profile.family == "direct"


def collects(profile: Profile | None) -> bool:
    """Tell whether merchants collect."""
    return profile is not None and profile.collector == "merchant"


def _refreeze(before: Record, after: Record, known: Mapping[str, Record], change: Change[Record]) -> None:
    payment_id = payment_of(before.transfer, known)
    change.left[payment_id] += left_change(after) - left_change(before)
