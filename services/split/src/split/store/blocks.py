"""Ledger transactions as documents: many share a block, and a transaction's id is its block and its place there.

A document a transaction, with its index entry for each account, was the dearest thing that an order wrote (decision
0017). A block's `_id` begins with its time, so that ids sort as their transactions were booked.
"""

from typing import Final

import uuid_utils

from shared.mongo import UP, Document, Index
from shared.work import Work
from split.domain.ledger import Block, Transaction, accounts_of

BLOCKS: Final = "blocks"
INDEXES: Final[dict[str, list[Index]]] = {
    # The entries of an account, by time: `_id` begins with it.
    BLOCKS: [Index([("marketplace", UP), ("currency", UP), ("accounts", UP), ("_id", UP)])],
}

TRANSACTIONS_MAX: Final = 50
ENTRIES_MAX: Final = 500
"""A page of an account's entries reads whole blocks: up to these limits it takes milliseconds. A transaction of more
entries has a block to itself."""

PLACE_DIGITS: Final = 2
BEFORE_ALL: Final = -1


class Filling:
    """A block of one marketplace and currency that still takes transactions."""

    def __init__(self) -> None:
        self._id = str(uuid_utils.uuid7())
        self._transactions: list[Transaction] = []
        self._entries = 0

    def takes(self, booked: Transaction) -> bool:
        """Whether there is room for it."""
        return len(self._transactions) < TRANSACTIONS_MAX and self._entries + len(booked.entries) <= ENTRIES_MAX

    def add(self, booked: Transaction) -> None:
        """Put it at the end."""
        self._transactions.append(booked)
        self._entries += len(booked.entries)

    def sealed(self, marketplace: str, currency: str, stripe: str, at_ms: int) -> Block:
        """Return the block."""
        return Block(
            id=self._id,
            marketplace=marketplace,
            currency=currency,
            stripe=stripe,
            at_ms=at_ms,
            accounts=accounts_of(self._transactions),
            transactions=tuple(self._transactions),
        )


def insert(work: Work, block: Block, content: bytes) -> None:
    """Write a block with its hash. It is `at` the unit's time, which its `at_ms` says as well."""
    document: Document = {
        "_id": block.id,
        "marketplace": block.marketplace,
        "currency": block.currency,
        "stripe": block.stripe,
        "at": work.now,
        "accounts": list(block.accounts),
        "transactions": [
            {"order": it.order, "cause": it.cause, "kind": it.kind, "entries": it.entries} for it in block.transactions
        ],
        "hash": content,
    }
    work.insert(BLOCKS, document)


def transaction_id(block: str, place: int) -> str:
    """Return the id of the transaction at a place of a block."""
    return f"{block}.{place:0{PLACE_DIGITS}}"


def place_of(identity: str) -> tuple[str, int]:
    """Return the block and the place that a transaction's id says; what is no such id stands before all of a block."""
    block, _, place = identity.partition(".")
    known = len(place) == PLACE_DIGITS and place.isascii() and place.isdigit()
    return block, int(place) if known else BEFORE_ALL
