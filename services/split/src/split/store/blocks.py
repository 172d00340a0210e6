"""Ledger transactions as documents: many share a block, and a transaction's id is its block and its place there.

A document a transaction, with its index entry for each account, was the dearest thing that an order wrote (decision
0017). A block's `_id` begins with its `at`, so that ids sort as their transactions were booked, and what was booked in
a span of time is a range of ids (decision 0021).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import uuid_utils

from shared.mongo import UP, Document, Index
from shared.work import Work
from split.domain.ledger import Block, Transaction, accounts_of

BLOCKS: Final = "blocks"
BY_ACCOUNT: Final = [("marketplace", UP), ("currency", UP), ("accounts", UP), ("_id", UP)]
BY_TIME: Final = [("marketplace", UP), ("currency", UP), ("_id", UP)]
"""Queries name the index they mean: MongoDB would try which is less work, and remember it for accounts of any size."""

INDEXES: Final[dict[str, list[Index]]] = {
    # The entries of an account, by time: `_id` begins with it.
    BLOCKS: [
        Index(BY_ACCOUNT),
        # All that a marketplace booked, by time: the journal, and the trial balance of a past moment.
        Index(BY_TIME),
    ],
}
SUMS: Final[list[Document]] = [
    {"$project": {"entries": {"$map": {"input": "$transactions", "in": {"$objectToArray": "$$this.entries"}}}}},
    {"$unwind": "$entries"},
    {"$unwind": "$entries"},
    {"$group": {"_id": "$entries.k", "amount": {"$sum": "$entries.v"}}},
]
"""The steps from blocks to the sum of each account's entries."""

TRANSACTIONS_MAX: Final = 50
ENTRIES_MAX: Final = 500
"""A page of an account's entries reads whole blocks: up to these limits it takes milliseconds. A transaction of more
entries has a block to itself."""

PLACE_DIGITS: Final = 2
BEFORE_ALL: Final = -1

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
TIME_DIGITS: Final = 12
NUMBER_MAX: Final = 0xFFF
"""Blocks of one unit of work that its ids can count; its documents are fewer (`shared.work.DOCUMENTS_MAX`)."""


class Filling:
    """A block of one marketplace and currency that still takes transactions."""

    def __init__(self, at_ms: int, number: int) -> None:
        """Begin one; `number` counts the blocks of the unit, whose time is `at_ms`."""
        self._id = block_id(at_ms, number)
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


def block_id(at_ms: int, number: int) -> str:
    """Return a new id: a UUID of version 7 that has the block's time in ms since 1970, and what the unit counts.

    The driver's own would have the time of its making, which is later by what the unit took until then.
    """
    digits = f"{at_ms:0{TIME_DIGITS}x}"
    return f"{digits[:8]}-{digits[8:]}-7{min(number, NUMBER_MAX):03x}-{str(uuid_utils.uuid7())[19:]}"


def made_within(since: datetime | None, until: datetime | None) -> Document:
    """Return the query for the blocks of a span of time, its end left out; None leaves it open."""
    bounds = (("$gte", since), ("$lt", until))
    return {"_id": {name: _first_id(moment) for name, moment in bounds if moment is not None}}


def amount_in(entries: str, account: str) -> Document:
    """Return the expression for an account's amount in entries. A name is no path: a dot in it would lead into it."""
    return {"$getField": {"field": {"$literal": account}, "input": entries}}


def _first_id(moment: datetime) -> str:
    """Return what every id of this time or later is greater than. Times in ids are whole milliseconds."""
    at_ms = max(0, -((EPOCH - moment) // MILLISECOND))
    digits = f"{at_ms:0{TIME_DIGITS}x}"
    return f"{digits[:8]}-{digits[8:]}"


def transaction_id(block: str, place: int) -> str:
    """Return the id of the transaction at a place of a block."""
    return f"{block}.{place:0{PLACE_DIGITS}}"


def place_of(identity: str) -> tuple[str, int]:
    """Return the block and the place that a transaction's id says; what is no such id stands before all of a block."""
    block, _, place = identity.partition(".")
    known = len(place) == PLACE_DIGITS and place.isascii() and place.isdigit()
    return block, int(place) if known else BEFORE_ALL
