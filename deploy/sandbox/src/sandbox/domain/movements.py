"""What the institution moves without an instruction: chargebacks, its own console, ends of freezes, money sent in."""

from datetime import datetime
from typing import Final, Literal

import msgspec

from sandbox.domain.behaviours.about import Frozen
from sandbox.domain.books import LIABLE, POOL, SUSPENSE, Change, Currency, Id, Minor, Part, ReceiverWord, Word
from sandbox.domain.payments import Payment
from shared.profiles import Profile

Kind = Literal["chargeback", "chargeback_reversed", "console_refund", "auto_unfreeze", "inbound", "deduction"]
Refusal = Literal[
    "amount_zero", "insufficient_funds", "number_reused", "payment_unknown", "refund_above_paid", "chargeback_unknown"
]

TAKES: Final = frozenset({"chargeback", "console_refund", "auto_unfreeze"})


class Movement(Part, frozen=True, kw_only=True, gc=False):
    """One movement, unique by kind and number. A chargeback and what reverses it name the payment they are about."""

    movement_id: Id
    kind: Kind
    payment_id: Id | None = None
    currency: Currency
    amount_minor: Minor
    receiver: ReceiverWord | None = None
    reference: Word | None = None
    reverses: Id | None = None


class Moved(Part, frozen=True, kw_only=True, gc=False):
    """A movement that happened. `pool_minor`: what the pool got by it; below zero, what it lost."""

    seq: int
    movement: Movement
    moved_at: datetime
    pool_minor: int


class MovementAnswer(Part, frozen=True, kw_only=True, gc=False):
    """What became of one movement. A refused one leaves no record."""

    movement_id: str
    kind: Kind
    state: Literal["succeeded", "refused"]
    reason: Refusal | None = None


class MovementFound(Movement, frozen=True, kw_only=True, gc=False):
    """A movement as it is told."""

    moved_at: datetime
    pool_minor: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to take a movement from. `refunded_minor`: of its payment. `reversed_known`: its chargeback."""

    payment: Payment | None = None
    frozen: Frozen | None = None
    refunded_minor: int = 0
    pool_minor: int = 0
    liable_minor: int = 0
    reversed_known: bool = False


def decide(it: Movement, holding: Holding, profile: Profile | None) -> Change[Movement] | Refusal:
    """Move money, or say why not. What a chargeback lacks is taken from what the platform stands for, below zero."""
    refusal = _refusal(it, holding, profile)
    if refusal is not None:
        return refusal
    match it.kind:
        case "chargeback" if profile is not None and profile.may_go_negative:
            pool_minor = -it.amount_minor
        case "chargeback":
            pool_minor = -min(it.amount_minor, _there_minor(holding, profile))
        case "chargeback_reversed":
            pool_minor = it.amount_minor - min(it.amount_minor, max(-holding.liable_minor, 0))
        case "auto_unfreeze" if _stays(profile):
            pool_minor = 0
        case "console_refund" | "auto_unfreeze":
            pool_minor = -it.amount_minor
        case "inbound" if suspends(profile) and it.receiver is None:
            pool_minor = 0
        case _:
            pool_minor = it.amount_minor
    return _changed(it, pool_minor, holding.frozen)


def suspends(profile: Profile | None) -> bool:
    """Tell whether money from an unknown sender goes into suspense."""
    return profile is not None and profile.custody is not None and profile.custody.suspense


def unfreeze(payment: Frozen, profile: Profile) -> Change[Movement]:
    """Let its collector have the rest of a payment, now that its freeze has ended.

    Where a split is still possible after that, it is taken from the collector's account: there it stays until a finish.
    """
    change: Change[Movement] = Change()
    change.released.add(payment.payment_id)
    if payment.left_minor:
        it = Movement(
            movement_id=payment.payment_id,
            kind="auto_unfreeze",
            payment_id=payment.payment_id,
            currency=payment.currency,
            amount_minor=payment.left_minor,
            receiver=f"merchant:{payment.merchant}" if payment.merchant else None,
        )
        change.records.append(it)
        if not _stays(profile):
            change.pockets[POOL, it.currency] -= it.amount_minor
            change.left[payment.payment_id] -= it.amount_minor
    return change


def _stays(profile: Profile | None) -> bool:
    return profile is not None and profile.collector == "merchant" and profile.split_after_release


def register(moved: Moved, merchant: str | None) -> Change[Moved]:
    """Bring money out of suspense into the pool, for a merchant; or, for none, back into suspense."""
    change: Change[Moved] = Change()
    it = moved.movement
    wanted_minor = it.amount_minor if merchant is not None else 0
    by_minor = wanted_minor - moved.pool_minor
    receiver = None if merchant is None else f"merchant:{merchant}"
    change.pockets[SUSPENSE, it.currency] -= by_minor
    change.pockets[POOL, it.currency] += by_minor
    known = msgspec.structs.replace(it, receiver=receiver)
    change.records.append(msgspec.structs.replace(moved, movement=known, pool_minor=wanted_minor))
    return change


def found(moved: Moved) -> MovementFound:
    """Return what is told of a movement."""
    return MovementFound(**msgspec.structs.asdict(moved.movement), moved_at=moved.moved_at, pool_minor=moved.pool_minor)


def _refusal(it: Movement, holding: Holding, profile: Profile | None) -> Refusal | None:
    if not it.amount_minor:
        return "amount_zero"
    if it.kind == "chargeback_reversed" and not holding.reversed_known:
        return "chargeback_unknown"
    payment = holding.payment
    named = it.payment_id is not None or it.kind in TAKES
    if named and (payment is None or payment.currency != it.currency):
        return "payment_unknown"
    if payment is None or it.kind not in TAKES:
        return None
    if it.kind == "console_refund" and holding.refunded_minor + it.amount_minor > payment.amount_minor:
        return "refund_above_paid"
    lacking = it.kind != "chargeback" and it.amount_minor > _there_minor(holding, profile)
    return "insufficient_funds" if lacking else None


def _there_minor(holding: Holding, profile: Profile | None) -> int:
    """Return what there is to take from: of the payment, where merchants collect."""
    if profile is None or profile.collector != "merchant":
        return max(holding.pool_minor, 0)
    return holding.frozen.left_minor if holding.frozen else 0


def _changed(it: Movement, pool_minor: int, frozen: Frozen | None) -> Change[Movement]:
    change: Change[Movement] = Change()
    change.records.append(it)
    change.pockets[POOL, it.currency] += pool_minor
    sign = -1 if it.kind in TAKES else 1
    other = SUSPENSE if it.kind == "inbound" else LIABLE
    if it.kind != "auto_unfreeze":
        change.pockets[other, it.currency] += sign * it.amount_minor - pool_minor
    if frozen is not None:
        change.left[frozen.payment_id] += pool_minor
    if it.kind == "auto_unfreeze" and frozen is not None:
        change.released.add(frozen.payment_id)
    return change
