"""How instructions are carried out. A number is executed once; nothing is taken that is not there."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from sandbox.domain.books import BUYER, IN_TRANSIT, RECEIVER_PATTERN, Change, Place
from sandbox.domain.faults import Faults
from sandbox.domain.payments import Payment
from sandbox.domain.transfers import Record, Transfer, TransferAnswer, answer

Refusal = Literal[
    "number_reused", "receiver_unknown", "amount_zero", "return_not_allowed", "return_above_paid", "payment_unknown",
    "refund_above_paid",
]  # fmt: skip

type Uses = Counter[tuple[str, str]]
"""What was taken of something, by kind and what it is of: of payouts by returns, of payments by refunds."""

PAID_OUT: Final = frozenset({"payout", "finish"})
_RECEIVER: Final = re.compile(RECEIVER_PATTERN)


@dataclass(frozen=True)
class About:
    """What the instructions of a request are about: payments, and what was taken of payments and payouts before."""

    payments: Mapping[str, Payment] = field(default_factory=dict)
    used: Uses = field(default_factory=Counter)


NOTHING: Final = About()


def execute(
    transfers: Iterable[Transfer],
    known: Mapping[str, Record],
    balances: Mapping[Place, int],
    faults: Faults,
    now: datetime,
    about: About = NOTHING,
) -> tuple[list[TransferAnswer], Change[Record]]:
    """Execute new transfers in order, each against what the ones before it left; answer a known one as it stands.

    `known`: also the payouts that returns are of.
    """
    seen = dict(known)
    used = about.used.copy()
    answers: list[TransferAnswer] = []
    change: Change[Record] = Change()
    for transfer in transfers:
        record = seen.get(transfer.number)
        refusal = _refusal(transfer, record, seen, about.payments, used)
        if refusal is not None:
            answers.append(TransferAnswer(number=transfer.number, state="refused", reason=refusal))
            continue
        if record is None:
            source = transfer.source
            left_minor = None if source is None else balances.get(source, 0) + change.pockets[source]
            record = seen[transfer.number] = _decide(transfer, left_minor, faults, now)
            change.records.append(record)
            _take(record, change)
            if transfer.of is not None and record.state != "failed":
                used[transfer.kind, transfer.of] += transfer.amount_minor
        answers.append(answer(record))
    return answers, change


def conclude(accepted: Iterable[Record], faults: Faults, now: datetime) -> Change[Record]:
    """Give each accepted transfer its outcome: to where it goes, or back to where it came from."""
    change: Change[Record] = Change()
    for record in accepted:
        transfer = record.transfer
        if transfer.source is not None:
            change.pockets[IN_TRANSIT, transfer.currency] -= transfer.amount_minor
        reason = faults.failing(transfer.kind, transfer.receiver, transfer.of)
        if reason is None:
            done = Record(transfer=transfer, state="succeeded", executed_at=now)
            _credit(transfer, change)
        else:
            done = Record(transfer=transfer, state="failed", reason=reason)
            if transfer.source is not None:
                change.pockets[transfer.source] += transfer.amount_minor
        change.records.append(done)
    return change


def give_back(paid: Iterable[Record], reason: str, used: Uses | None = None) -> Change[Record]:
    """Take back what the payees' banks return, days after it succeeded: the pool has the money again.

    `used`: what receivers have given back already; of such a payout the bank has no longer all to return.
    """
    change: Change[Record] = Change()
    for record in paid:
        transfer = record.transfer
        gave = used is not None and used["return", transfer.number] > 0
        if record.state == "succeeded" and transfer.source is not None and transfer.target is None and not gave:
            change.pockets[transfer.source] += transfer.amount_minor
            change.records.append(
                Record(transfer=transfer, state="returned", reason=reason, executed_at=record.executed_at)
            )
    return change


def _refusal(
    transfer: Transfer,
    record: Record | None,
    seen: Mapping[str, Record],
    payments: Mapping[str, Payment],
    used: Uses,
) -> Refusal | None:
    if record is not None:
        return None if record.transfer == transfer else "number_reused"
    if not transfer.amount_minor:
        return "amount_zero"
    match transfer.kind:
        case "payout" | "finish":
            return None if _RECEIVER.fullmatch(transfer.receiver) else "receiver_unknown"
        case "return":
            return _no_return(transfer, seen.get(transfer.of or ""), used)
        case "refund":
            return _no_refund(transfer, payments.get(transfer.of or ""), used)
        case _:
            return None


def _no_return(transfer: Transfer, paid: Record | None, used: Uses) -> Refusal | None:
    if paid is None or paid.state != "succeeded" or paid.transfer.kind not in PAID_OUT:
        return "return_not_allowed"
    got = paid.transfer
    if (got.receiver, got.currency) != (transfer.receiver, transfer.currency):
        return "return_not_allowed"
    above = used["return", got.number] + transfer.amount_minor > got.amount_minor
    return "return_above_paid" if above else None


def _no_refund(transfer: Transfer, payment: Payment | None, used: Uses) -> Refusal | None:
    if payment is None or payment.currency != transfer.currency:
        return "payment_unknown"
    if transfer.receiver != BUYER:
        return "receiver_unknown"
    above = used["refund", payment.payment_id] + transfer.amount_minor > payment.amount_minor
    return "refund_above_paid" if above else None


def _decide(transfer: Transfer, left_minor: int | None, faults: Faults, now: datetime) -> Record:
    accepts = faults.accepts(transfer.kind)
    reason = None if accepts else faults.failing(transfer.kind, transfer.receiver, transfer.of)
    if reason is None and left_minor is not None and left_minor < transfer.amount_minor:
        reason = "insufficient_funds"
    if reason is not None:
        return Record(transfer=transfer, state="failed", reason=reason)
    if accepts:
        return Record(transfer=transfer, state="accepted")
    return Record(transfer=transfer, state="succeeded", executed_at=now)


def _take(record: Record, change: Change[Record]) -> None:
    transfer = record.transfer
    if record.state == "failed":
        return
    source = transfer.source
    if source is not None:
        change.pockets[source] -= transfer.amount_minor
    if record.state == "succeeded":
        _credit(transfer, change)
    elif source is not None:  # what comes from outside arrives when it is concluded
        change.pockets[IN_TRANSIT, transfer.currency] += transfer.amount_minor


def _credit(transfer: Transfer, change: Change[Record]) -> None:
    if transfer.target is not None:  # what has left the pockets its record tells
        change.pockets[transfer.target] += transfer.amount_minor
