"""Double entry: entries that sum to zero, immutable transactions, and the hash chain that shows a later change.

Amounts are credit-positive minor units: what Weir owes an account's owner is positive, what a channel holds negative.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Kind = Literal["split", "release", "settle"]
GENESIS: bytes = bytes(32)
"""The hash before a stripe's first link."""

_encoder = msgspec.json.Encoder()


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One account's side of a transaction."""

    account: str
    amount_minor: int


class Entries:
    """Collects the entries of one transaction, one an account."""

    def __init__(self) -> None:
        self._amounts: dict[str, int] = {}

    def add(self, account: str, amount_minor: int) -> None:
        """Credit an account, or debit it with a negative amount."""
        self._amounts[account] = self._amounts.get(account, 0) + amount_minor

    def move(self, giver: str, taker: str, amount_minor: int) -> None:
        """Take from one account what another gets."""
        self.add(giver, -amount_minor)
        self.add(taker, amount_minor)

    def closed(self) -> tuple[Entry, ...]:
        """Return the entries that are not zero.

        Raises:
            ValueError: they do not sum to zero; a rule is wrong, and nothing may be booked.

        """
        if total := sum(self._amounts.values()):
            message = f"entries sum to {total}, not to zero"
            raise ValueError(message)
        return tuple(Entry(account, amount) for account, amount in self._amounts.items() if amount)


class Transaction(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One immutable transaction; `cause` is the id of the event behind it, `at_ms` milliseconds since 1970 UTC."""

    id: str
    marketplace: str
    currency: str
    order: str
    cause: str
    kind: Kind
    entries: tuple[Entry, ...]
    at_ms: int

    def hash(self) -> bytes:
        """Return SHA-256 over all of it."""
        entries = [(entry.account, entry.amount_minor) for entry in self.entries]
        named = (self.id, self.marketplace, self.currency, self.order, self.cause, self.kind, entries, self.at_ms)
        return hashlib.sha256(_encoder.encode(named)).digest()


def link_hash(previous: bytes, seq: int, transactions: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the hash of one link of a stripe's chain, over the link before it and all that it lists."""
    digest = hashlib.sha256(previous)
    digest.update(seq.to_bytes(8))
    for identity, content in transactions:
        digest.update(identity.encode())
        digest.update(content)
    return digest.digest()


def imbalance(moved: Mapping[tuple[str, str], Mapping[str, int]]) -> int:
    """Return by how much amounts by account miss zero, in all (marketplace, currency); 0 when the books are right."""
    return sum(abs(sum(amounts.values())) for amounts in moved.values())
