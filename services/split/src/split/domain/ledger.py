"""Double entry: entries that sum to zero, immutable transactions, and the hash chain that shows a later change.

Amounts are credit-positive minor units: what Weir owes an account's owner is positive, what a channel holds negative.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Kind = Literal[
    "split",
    "release",
    "settle",
    "refund",
    "chargeback",
    "console_refund",
    "refund_settle",
    "movement",
    "reward",
    "write_off",
    "adjustment",
    "restore",
]
"""Why a transaction was booked; the API answers with the same set. Money that waits for the institution is first
reserved, then posted or voided, each by a transaction of its own (money.md 4):

- reserve: `split`, `release`, `reward` and `adjustment` take a share that is sent into `merchant:in_transit`. The
  platform's own share rests in its own account until it is paid, so nobody takes it meanwhile.
- post: `settle`, where the institution has paid the leg: out of `in_transit` against `channel:clearing`.
- void: `settle`, where it has failed or was cancelled: from `in_transit` back to `merchant:available`. A leg that the
  bank returns after it was paid is not voided: a new `settle` takes it from clearing to `available`.
  A `write_off` takes it from there into `suspense`, and a `restore` back, where that was a mistake.
"""

GENESIS: bytes = bytes(32)
"""The hash before a stripe's first link."""

_encoder = msgspec.json.Encoder()


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

    def closed(self) -> dict[str, int]:
        """Return the entries that are not zero, minor units by account.

        Raises:
            ValueError: they do not sum to zero; a rule is wrong, and nothing may be booked.

        """
        if total := sum(self._amounts.values()):
            message = f"entries sum to {total}, not to zero"
            raise ValueError(message)
        return {account: amount for account, amount in self._amounts.items() if amount}


class Transaction(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """One immutable transaction. `cause` is the id of the event behind it; `entries` are minor units by account."""

    order: str
    cause: str
    kind: Kind
    entries: dict[str, int]


class Block(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """Transactions of one marketplace and currency that one unit of work booked (decision 0017).

    `accounts` are those of all its entries, sorted; `at_ms` is milliseconds since 1970 UTC.
    """

    id: str
    marketplace: str
    currency: str
    stripe: str
    at_ms: int
    accounts: tuple[str, ...]
    transactions: tuple[Transaction, ...]

    def hash(self) -> bytes:
        """Return SHA-256 over all of it, as a JSON array of its fields in this order; entries are objects."""
        return hashlib.sha256(_encoder.encode(self)).digest()


def accounts_of(transactions: Iterable[Transaction]) -> tuple[str, ...]:
    """Return the accounts that these transactions have entries in, each once, sorted."""
    return tuple(sorted({account for it in transactions for account in it.entries}))


def link_hash(previous: bytes, seq: int, blocks: Iterable[tuple[str, bytes]]) -> bytes:
    """Return the hash of one link of a stripe's chain, over the link before it and all that it lists."""
    digest = hashlib.sha256(previous)
    digest.update(seq.to_bytes(8))
    for identity, content in blocks:
        digest.update(identity.encode())
        digest.update(content)
    return digest.digest()


def imbalance(moved: Mapping[tuple[str, str], Mapping[str, int]]) -> int:
    """Return by how much amounts by account miss zero, in all (marketplace, currency); 0 when the books are right."""
    return sum(abs(sum(amounts.values())) for amounts in moved.values())
