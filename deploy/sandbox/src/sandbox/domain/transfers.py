"""What an instruction says, and how the institution remembers it. How it is carried out is in execution.py."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from sandbox.domain.books import ADVANCE, MARKETING, POOL, Currency, Id, Minor, Part, Place, ReceiverWord

Kind = Literal["payout", "finish", "subsidy", "return", "advance", "marketing_back", "refund"]
State = Literal["succeeded", "accepted", "failed", "returned"]

_SOURCES: Final = {
    "payout": POOL, "finish": POOL, "subsidy": MARKETING, "return": None, "advance": ADVANCE, "marketing_back": POOL,
    "refund": POOL,
}  # fmt: skip
_TARGETS: Final = {
    "payout": None, "finish": None, "subsidy": POOL, "return": POOL, "advance": POOL, "marketing_back": MARKETING,
    "refund": None,
}  # fmt: skip


class Transfer(Part, frozen=True, kw_only=True, gc=False):
    """One instruction. `of`: the payment it is about; for a return, the number of the payout that is given back.

    `fee_minor`, of a refund alone: how much of its fee the institution is to give back with it.

    | kind | from | to |
    |---|---|---|
    | payout, finish | the pool | `receiver` |
    | return | `receiver` | the pool |
    | subsidy, advance | the platform's pocket for it | the pool |
    | marketing_back | the pool | the platform's pocket for marketing |
    | refund | the pool | the buyer |
    """

    number: Id
    kind: Kind
    receiver: ReceiverWord = POOL
    currency: Currency
    amount_minor: Minor
    of: Id | None = None
    fee_minor: Minor = 0

    @property
    def source(self) -> Place | None:
        """The pocket from which the money is taken; None: it comes from outside."""
        pocket = _SOURCES[self.kind]
        return None if pocket is None else (pocket, self.currency)

    @property
    def target(self) -> Place | None:
        """The pocket into which the money goes; None: it goes outside, and the record says to whom."""
        pocket = _TARGETS[self.kind]
        return None if pocket is None else (pocket, self.currency)


class Record(Part, frozen=True, kw_only=True, gc=False):
    """A transfer as the institution remembers it. `failed` is final; what succeeded the payee's bank may return.

    The reason of an accepted one is why it is going to fail, which nobody is told before it does.
    """

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
    fee_refunded_minor: int | msgspec.UnsetType = msgspec.UNSET


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
    of: str | msgspec.UnsetType = msgspec.UNSET
    fee_refunded_minor: int | msgspec.UnsetType = msgspec.UNSET


def answer(record: Record) -> TransferAnswer:
    """Return what is said to who sent it."""
    return TransferAnswer(
        number=record.transfer.number,
        state=record.state,
        reason=_told(record),
        executed_at=record.executed_at,
        fee_refunded_minor=_fee_refunded(record),
    )


def found(number: str, record: Record | None) -> TransferFound:
    """Return what the institution knows of a number."""
    if record is None:
        return TransferFound(number=number, state="not_found")
    transfer = record.transfer
    return TransferFound(
        number=number,
        state=record.state,
        reason=_told(record),
        executed_at=record.executed_at,
        kind=transfer.kind,
        receiver=transfer.receiver,
        currency=transfer.currency,
        amount_minor=transfer.amount_minor,
        of=transfer.of or msgspec.UNSET,
        fee_refunded_minor=_fee_refunded(record),
    )


def _told(record: Record) -> str | None:
    return None if record.state == "accepted" else record.reason


def _fee_refunded(record: Record) -> int | msgspec.UnsetType:
    done = record.state == "succeeded" and record.transfer.fee_minor
    return record.transfer.fee_minor if done else msgspec.UNSET
