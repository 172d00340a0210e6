"""Money out of the pool, and subsidies into it. A number is executed once; nothing is taken that is not there."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from sandbox.domain.books import (
    IN_TRANSIT,
    MARKETING,
    POOL,
    RECEIVER_PATTERN,
    Change,
    Currency,
    Id,
    Minor,
    Part,
    Place,
    ReceiverWord,
)
from sandbox.domain.faults import Faults

State = Literal["succeeded", "accepted", "failed", "returned"]
Refusal = Literal["number_reused", "receiver_unknown", "amount_zero"]

_SOURCES: Final = {"payout": POOL, "subsidy": MARKETING}
_RECEIVER: Final = re.compile(RECEIVER_PATTERN)


class Transfer(Part, frozen=True, kw_only=True, gc=False):
    """One instruction: a payout from the pool to a receiver, or a subsidy from marketing to the pool."""

    number: Id
    kind: Literal["payout", "subsidy"]
    receiver: ReceiverWord = POOL
    currency: Currency
    amount_minor: Minor

    @property
    def source(self) -> Place:
        """Where the money is taken from."""
        return _SOURCES[self.kind], self.currency


class Record(Part, frozen=True, kw_only=True, gc=False):
    """A transfer as the institution remembers it. `failed` is final; what succeeded a receiver's bank may return."""

    transfer: Transfer
    state: State
    reason: str | None = None
    executed_at: datetime | None = None


class TransferAnswer(Part, frozen=True, kw_only=True, gc=False):
    """What became of one transfer. A refused one leaves no record: its number stays free or as it was."""

    number: str
    state: Literal["succeeded", "accepted", "failed", "returned", "refused"]
    reason: str | None = None
    executed_at: datetime | None = None


class TransferFound(Part, frozen=True, kw_only=True, gc=False):
    """A transfer as it is told to who asks for it; of one that is not known there is nothing to tell but that."""

    number: str
    state: Literal["succeeded", "accepted", "failed", "returned", "not_found"]
    reason: str | None = None
    executed_at: datetime | None = None
    kind: str | msgspec.UnsetType = msgspec.UNSET
    receiver: str | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    amount_minor: int | msgspec.UnsetType = msgspec.UNSET


def execute(
    transfers: Iterable[Transfer],
    known: Mapping[str, Record],
    balances: Mapping[Place, int],
    faults: Faults,
    now: datetime,
) -> tuple[list[TransferAnswer], Change[Record]]:
    """Execute new transfers in order, each against what the ones before it left; answer a known one as it stands."""
    seen = dict(known)
    answers: list[TransferAnswer] = []
    change: Change[Record] = Change()
    for transfer in transfers:
        record = seen.get(transfer.number)
        refusal = _refusal(transfer, record)
        if refusal is not None:
            answers.append(TransferAnswer(number=transfer.number, state="refused", reason=refusal))
            continue
        if record is None:
            left_minor = balances.get(transfer.source, 0) + change.pockets[transfer.source]
            record = seen[transfer.number] = _decide(transfer, left_minor, faults, now)
            change.records.append(record)
            _take(record, change)
        answers.append(_answer(record))
    return answers, change


def conclude(accepted: Iterable[Record], faults: Faults, now: datetime) -> Change[Record]:
    """Give each accepted transfer its outcome: to its receiver, or back to where it came from."""
    change: Change[Record] = Change()
    for record in accepted:
        transfer = record.transfer
        change.pockets[IN_TRANSIT, transfer.currency] -= transfer.amount_minor
        reason = faults.fail_receivers.get(transfer.receiver)
        if reason is None:
            done = Record(transfer=transfer, state="succeeded", executed_at=now)
            _credit(transfer, change)
        else:
            done = Record(transfer=transfer, state="failed", reason=reason)
            change.pockets[transfer.source] += transfer.amount_minor
        change.records.append(done)
    return change


def give_back(paid: Iterable[Record], reason: str) -> Change[Record]:
    """Take payouts back that their receivers' bank returns, days after they succeeded: the pool has the money again."""
    change: Change[Record] = Change()
    for record in paid:
        transfer = record.transfer
        if record.state == "succeeded" and transfer.kind == "payout":
            change.pockets[transfer.source] += transfer.amount_minor
            change.records.append(
                Record(transfer=transfer, state="returned", reason=reason, executed_at=record.executed_at)
            )
    return change


def found(number: str, record: Record | None) -> TransferFound:
    """Return what the institution knows of a number."""
    if record is None:
        return TransferFound(number=number, state="not_found")
    transfer = record.transfer
    return TransferFound(
        number=number,
        state=record.state,
        reason=record.reason,
        executed_at=record.executed_at,
        kind=transfer.kind,
        receiver=transfer.receiver,
        currency=transfer.currency,
        amount_minor=transfer.amount_minor,
    )


def _refusal(transfer: Transfer, record: Record | None) -> Refusal | None:
    if record is not None:
        return None if record.transfer == transfer else "number_reused"
    if transfer.kind == "payout" and not _RECEIVER.fullmatch(transfer.receiver):
        return "receiver_unknown"
    return None if transfer.amount_minor else "amount_zero"


def _decide(transfer: Transfer, left_minor: int, faults: Faults, now: datetime) -> Record:
    reason = None if faults.accept_only else faults.fail_receivers.get(transfer.receiver)
    if reason is None and left_minor < transfer.amount_minor:
        reason = "insufficient_funds"
    if reason is not None:
        return Record(transfer=transfer, state="failed", reason=reason)
    if faults.accept_only:
        return Record(transfer=transfer, state="accepted")
    return Record(transfer=transfer, state="succeeded", executed_at=now)


def _take(record: Record, change: Change[Record]) -> None:
    transfer = record.transfer
    if record.state == "failed":
        return
    change.pockets[transfer.source] -= transfer.amount_minor
    if record.state == "accepted":
        change.pockets[IN_TRANSIT, transfer.currency] += transfer.amount_minor
    else:
        _credit(transfer, change)


def _credit(transfer: Transfer, change: Change[Record]) -> None:
    if transfer.kind == "subsidy":  # a payout has left the pockets: its record says who got it
        change.pockets[POOL, transfer.currency] += transfer.amount_minor


def _answer(record: Record) -> TransferAnswer:
    return TransferAnswer(
        number=record.transfer.number, state=record.state, reason=record.reason, executed_at=record.executed_at
    )
