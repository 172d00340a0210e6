"""Money back as split has it, and as payments carries it out."""

import msgspec

from ops.audit.rows.row import Row


class Moving(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Money of a refund between the pool and a receiver, an account of the platform or, by payment, the buyer."""

    name: str
    kind: str
    account: str
    amount_minor: int
    state: str


class Refunded(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A refund of an order. `own`: Weir instructs it, the channel did not take it by itself.

    `taken_minor` was reserved for it, of which the channel may have brought some back: `promised_minor` is the buyer's.
    `asked_minor` is to go back to the buyer of all payments, and `left_minor` has left the pool for the buyer.
    """

    id: str
    own: bool
    taken_minor: int
    promised_minor: int
    asked_minor: int
    left_minor: int
    returns: tuple[Moving, ...]
    fundings: tuple[Moving, ...]
    payments: tuple[Moving, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether there is anything that payments is asked for."""
        return bool(self.taken_minor and (self.returns or self.fundings or (self.own and self.payments)))

    @property
    def parts(self) -> dict[tuple[str, str], Moving]:
        """What payments is asked for, by sort and id."""
        found = {("return", it.name): it for it in self.returns} | {("funding", it.name): it for it in self.fundings}
        return found | ({("refund", it.name): it for it in self.payments} if self.own else {})


class Unfrozen(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a channel gave to a seller who collects when its freeze ended, and what of it the seller owes the others."""

    id: str
    amount_minor: int
    owed_minor: int


class Back(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One movement of a refund as payments instructed it. `of`: the payment, or the number of a payout."""

    kind: str
    name: str
    receiver: str
    amount_minor: int
    of: str
    state: str
    number: str

    @property
    def sort(self) -> str:
        """`return`, `funding` or `refund`."""
        return self.kind if self.kind in {"return", "refund"} else "funding"


class Repaid(Row, frozen=True):
    """A refund as payments carries it out. `waits` is empty once every part is final; `timed` as of a payout."""

    order: str
    refund: str
    account: str
    currency: str
    waits: str
    timed: bool
    created_ms: int
    parts: tuple[Back, ...]
