"""What an order of split remembers of money back: its refunds, and what the channel took or brought back by itself."""

from collections.abc import Iterable
from typing import Final

from ops.audit.rows import Moving
from ops.audit.rows import Refunded as Row
from ops.audit.shapes import Minor, Part

REFUND: Final = "refund"
REVERSED: Final = "chargeback_reversed"
DONE: Final = "succeeded"


class Line(Part, frozen=True):
    """A part of the order that is refunded."""

    amount_minor: Minor


class Return(Part, frozen=True):
    """What a receiver is asked to give back."""

    return_id: str
    receiver: str
    amount_minor: Minor
    state: str


class Funding(Part, frozen=True):
    """Money between the platform and the pool."""

    funding_id: str
    kind: str
    account: str
    amount_minor: Minor
    state: str


class Payment(Part, frozen=True):
    """What goes back to the buyer of one payment."""

    channel_payment_id: str
    amount_minor: Minor
    state: str


class Refund(Part, frozen=True):
    """A refund, a chargeback, or a refund made in the channel's console. Revision 0: its money is not reserved yet."""

    refund_id: str
    kind: str
    cause: str
    revision: int
    lines: tuple[Line, ...]
    returns: tuple[Return, ...]
    fundings: tuple[Funding, ...]
    payments: tuple[Payment, ...]
    reversed: tuple[str, ...]


class Movement(Part, frozen=True):
    """What the channel moved by itself."""

    movement_id: str
    kind: str
    amount_minor: Minor
    cause: str


class Facts(Part, frozen=True):
    """What has happened to an order, as far as it is read."""

    moved: tuple[Movement, ...] = ()


def rows(refunds: Iterable[Refund], facts: Facts) -> tuple[Row, ...]:
    """Return the refunds with what the channel has moved for each."""
    return tuple(_row(it, facts) for it in refunds)


def _row(it: Refund, facts: Facts) -> Row:
    promised = taken = sum(line.amount_minor for line in it.lines)
    if it.kind == REFUND:
        left = sum(part.amount_minor for part in it.payments if part.state == DONE)
    else:
        taken = sum(one.amount_minor for one in facts.moved if one.kind != REVERSED and one.cause == it.cause)
        back = (one for one in facts.moved if one.kind == REVERSED and one.movement_id in it.reversed)
        left = taken - sum(one.amount_minor for one in back)
    return Row(
        id=it.refund_id,
        own=it.kind == REFUND,
        taken_minor=taken if it.revision else 0,
        promised_minor=promised if it.revision else 0,
        asked_minor=sum(part.amount_minor for part in it.payments),
        left_minor=left,
        returns=tuple(
            Moving(part.return_id, "return", part.receiver, part.amount_minor, part.state) for part in it.returns
        ),
        fundings=tuple(
            Moving(part.funding_id, part.kind, part.account, part.amount_minor, part.state) for part in it.fundings
        ),
        payments=tuple(
            Moving(part.channel_payment_id, "refund", "buyer", part.amount_minor, part.state) for part in it.payments
        ),
    )
