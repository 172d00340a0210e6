"""The institution's own record: what its pages and answers say, and what a transfer does to the pool."""

from typing import Final

import msgspec

from ops.audit.findings import Breach
from ops.audit.rows import Moved, Paid, Received, Transferred
from ops.audit.shapes import Minor, Part

EXECUTED: Final = ("succeeded", "accepted")
SUCCEEDED: Final = "succeeded"
INTO_POOL: Final = frozenset({"subsidy", "advance", "return"})
POOL: Final = "pool"


class Payment(Part, frozen=True):
    """A buyer's payment as the institution tells it."""

    payment_id: str
    amount_minor: Minor
    fee_minor: Minor
    currency: str


class Transfer(Part, frozen=True):
    """A transfer as the institution tells it."""

    number: str
    state: str
    kind: str
    receiver: str
    currency: str
    amount_minor: Minor


class Movement(Part, frozen=True):
    """What the institution moved by itself; `pool_minor` is what the pool got by it."""

    movement_id: str
    currency: str
    pool_minor: Minor


def moved_by_itself(account: str, told: object) -> Movement | Breach:
    """Return a movement, or the breach that it is told in another shape."""
    try:
        return msgspec.convert(told, Movement)
    except msgspec.ValidationError as error:
        return _breach(account, "movement_id", told, error)


def received(account: str, told: object) -> Received | Breach:
    """Return a buyer's payment, or the breach that it is told in another shape."""
    try:
        it = msgspec.convert(told, Payment)
    except msgspec.ValidationError as error:
        return _breach(account, "payment_id", told, error)
    return Received(f"{account}/{it.payment_id}", it.amount_minor, it.fee_minor, it.currency)


def transferred(account: str, told: object) -> Transferred | Breach:
    """Return a transfer, or the breach that it is told in another shape."""
    try:
        it = msgspec.convert(told, Transfer)
    except msgspec.ValidationError as error:
        return _breach(account, "number", told, error)
    return Transferred(f"{account}/{it.number}", it.state, it.kind, it.receiver, it.currency, it.amount_minor)


def _breach(account: str, name: str, told: object, error: msgspec.ValidationError) -> Breach:
    identity = told.get(name) if isinstance(told, dict) else None
    return Breach("document_shaped", f"{account}/{identity}", f"in the institution's record: {error}")


def paid(order: str, payment: str, it: Received | None) -> Paid:
    """Return a payment that an order claims, as the institution has it."""
    if it is None:
        return Paid(order, payment, None, 0, "")
    return Paid(order, payment, it.amount_minor, it.fee_minor, it.currency)


def moved(order: str, it: Transferred) -> Moved:
    """Return a transfer brought to its order."""
    return Moved(order, it.number, it.state, it.kind, it.receiver, it.currency, it.amount_minor)


def effect(it: Moved | Transferred) -> int:
    """Return what a transfer did to the pool: what comes in is there once it succeeded, what goes out at once not."""
    if it.kind in INTO_POOL:
        return it.amount_minor if it.state == SUCCEEDED else 0
    return -it.amount_minor if it.state in EXECUTED else 0
