"""What the audit takes out of the stores and of the institution's record: small rows, each about one order or number.

Here is what a row holds, in shapes/ how a store's documents become rows, in laws/ what must hold between them.
Amounts are minor units; times are milliseconds since 1970 UTC.
"""

import msgspec

from ops.audit.rows.ledger import Derived, Hashed, Kept, Listed
from ops.audit.rows.money_back import Back, Moving, Refunded, Repaid, Unfrozen
from ops.audit.rows.row import Row

__all__ = [
    "Again",
    "AnyRow",
    "Back",
    "Booked",
    "Claimed",
    "Copied",
    "Derived",
    "Divided",
    "Handed",
    "Hashed",
    "Instructed",
    "Kept",
    "Leg",
    "Lettered",
    "Listed",
    "Moved",
    "Moving",
    "Numbered",
    "OfAgain",
    "OfBalance",
    "OfBlock",
    "OfNumber",
    "OfOrder",
    "OfPayment",
    "Owed",
    "Paid",
    "Parked",
    "Received",
    "Refunded",
    "Repaid",
    "Row",
    "Sent",
    "Share",
    "Stated",
    "Taken",
    "Transferred",
    "Unfrozen",
]


class Sent(Row, frozen=True):
    """An order that was sent to Weir."""

    order: str


class Taken(Row, frozen=True):
    """An order as payments has it. `state`: sending, unverified, accepted or rejected. `payments`: ids it names.

    `timed`: the clock makes payments look at it.
    """

    order: str
    state: str
    reason: str
    account: str
    currency: str
    paid_minor: int
    received_ms: int
    payments: tuple[str, ...]
    timed: bool


class Leg(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One leg of a payout, or a subsidy (`receiver` empty), as payments instructed it."""

    id: str
    receiver: str
    amount_minor: int
    attempt: int
    state: str
    number: str
    reason: str


class Instructed(Row, frozen=True):
    """A payout as payments carries it out. `waits` is empty once every leg is final; `timed` as above."""

    order: str
    payout: str
    kind: str
    account: str
    currency: str
    waits: str
    timed: bool
    created_ms: int
    legs: tuple[Leg, ...]


class Handed(Row, frozen=True):
    """An order or payout (`key`) that a lane of payments has, or gets back from a sweep."""

    order: str
    key: str


class Share(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A share of an order as split has it. `fees_minor`: the part of the channel's fee that it bears.

    `lines`: those that it is for, where it is not for all of its merchant's.
    """

    path: str
    receiver: str
    amount_minor: int
    state: str
    reason: str
    part: int
    attempt: int
    gross_minor: int
    freight_minor: int
    adjustments_minor: int
    commission_minor: int
    fee_minor: int
    passed_on_minor: int
    commission_tax_minor: int = 0
    netted_minor: int = 0
    lines: tuple[str, ...] = ()


class Owed(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A subsidy that split asked for."""

    id: str
    amount_minor: int
    state: str


class Divided(Row, frozen=True):
    """An order as split divided it. `pooled_minor`: paid less the channel's fee; `due_minor`: not asked for yet.

    `charge`: no buyer has paid it, so that payments has no order of it. `collected`: its sellers collect;
    `unfrozen_told` are the ends of their freezes that were told of, by the channel's ids.
    """

    order: str
    account: str
    currency: str
    paid_minor: int
    pooled_minor: int
    surcharge_minor: int
    due_minor: int
    payouts: int
    divided_ms: int
    shares: tuple[Share, ...]
    subsidies: tuple[Owed, ...]
    charge: bool = False
    refunds: tuple[Refunded, ...] = ()
    collected: bool = False
    unfrozen: tuple[Unfrozen, ...] = ()
    unfrozen_told: tuple[str, ...] = ()


class Booked(Row, frozen=True):
    """One ledger transaction of an order: what it credits to each account. `made_ms` is the time in its block's id."""

    order: str
    made_ms: int
    entries: dict[str, int]


class Stated(Row, frozen=True):
    """An entry of a statement: a leg was paid, or came back."""

    order: str
    leg: str
    kind: str
    amount_minor: int


class Copied(Row, frozen=True):
    """An order of which aftersale has a copy."""

    order: str


class Parked(Row, frozen=True):
    """An order that waits in a service behind a record which that service could not take."""

    order: str
    service: str
    reason: str
    since_ms: int


class Lettered(Row, frozen=True):
    """A dead letter about an order."""

    order: str
    topic: str
    at_ms: int


class Again(Row, frozen=True):
    """An order to look at again: what was missing of it, as `<hop> <what>`, and the payments that it claimed."""

    order: str
    missing: tuple[str, ...]
    payments: tuple[str, ...]


class Paid(Row, frozen=True):
    """A payment that an order claims, with what the institution has of it; None: it has no such payment."""

    order: str
    payment: str
    amount_minor: int | None
    fee_minor: int
    currency: str


class Moved(Row, frozen=True):
    """A transfer in the institution's record, brought to the order that it was instructed for."""

    order: str
    number: str
    state: str
    kind: str
    receiver: str
    currency: str
    amount_minor: int


class Numbered(Row, frozen=True):
    """A number that payments instructed under: `<account>/<number>`."""

    number: str
    order: str


class Transferred(Row, frozen=True):
    """A transfer in the institution's record, by `<account>/<number>`."""

    number: str
    state: str
    kind: str
    receiver: str
    currency: str
    amount_minor: int


class Claimed(Row, frozen=True):
    """A payment `<account>/<id>` that an order has for itself."""

    payment: str
    order: str


class Received(Row, frozen=True):
    """A buyer's payment in the institution's record, by `<account>/<id>`."""

    payment: str
    amount_minor: int
    fee_minor: int
    currency: str


OfAgain = Again | Sent | Booked | Lettered
OfOrder = Sent | Taken | Instructed | Repaid | Handed | Divided | Booked | Stated | Copied | Parked | Paid | Moved
OfNumber = Numbered | Transferred
OfPayment = Claimed | Received
OfBlock = Hashed | Listed
OfBalance = Kept | Derived
AnyRow = OfOrder | OfAgain | OfNumber | OfPayment | OfBlock | OfBalance
