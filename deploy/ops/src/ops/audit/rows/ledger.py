"""Blocks of the ledger and balances, as the audit compares them."""

from ops.audit.rows.row import Row


class Hashed(Row, frozen=True):
    """A block of the ledger and the hash of its content, worked out anew."""

    block: str
    content: bytes


class Listed(Row, frozen=True):
    """A block as a link of the chain lists it. `new`: the link came after the audit began."""

    block: str
    content: bytes
    new: bool


class Kept(Row, frozen=True):
    """A balance as it is kept, by marketplace, currency, account and stripe."""

    balance: str
    amount_minor: int


class Derived(Row, frozen=True):
    """A part of what the entries of a balance sum to."""

    balance: str
    amount_minor: int
