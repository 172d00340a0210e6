"""The documents of split's ledger: blocks of transactions, the chain over them, its heads, and kept balances."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
from bson.datetime_ms import DatetimeMS

from ops.audit.rows import Booked
from ops.audit.shapes import Minor, Part, Query, Rows, Source, Stored, ms
from ops.stores import within

TIME_DIGITS: Final = 12
"""A block's id is a UUID of version 7: its first 12 hexadecimal digits are milliseconds since 1970."""

BLOCKS_PER_FETCH: Final = 100
"""A block has some 20 kB, and ten times that as objects of Python."""

ACCOUNTS: Final = "/accounts/"
"""Stands in what a transaction is about that is no order's: `<marketplace>/accounts/<channel account>`."""

type BlockId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{8}-[0-9a-f]{4}-")]
type BalanceId = Annotated[str, msgspec.Meta(pattern=r"^[^|]*\|[^|]*\|[^|]*\|")]
type Seq = Annotated[int, msgspec.Meta(ge=0)]

_encode: Final = msgspec.json.Encoder().encode


class Transaction(Part, frozen=True, forbid_unknown_fields=True):
    """A transaction: minor units by account. It has no field that the hash of its block does not cover."""

    order: str
    cause: str
    kind: str
    entries: dict[str, Minor]


class Block(Stored, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Transactions that were booked together. `hash` is kept of them when they were."""

    id: BlockId = msgspec.field(name="_id")
    marketplace: str
    currency: str
    stripe: str
    at: DatetimeMS
    accounts: tuple[str, ...]
    transactions: tuple[Transaction, ...]
    hash: bytes

    def content(self) -> bytes:
        """Return the hash of what is there: SHA-256 over the JSON array of its facts, its time in ms since 1970.

        It is worked out here anew, not by split's code.
        """
        booked = [(it.order, it.cause, it.kind, it.entries) for it in self.transactions]
        facts = (self.id, self.marketplace, self.currency, self.stripe, ms(self.at), self.accounts, booked)
        return hashlib.sha256(_encode(facts)).digest()

    def moved(self) -> Iterator[tuple[str, int]]:
        """Return by how much it moves each balance."""
        sums: dict[str, int] = {}
        for it in self.transactions:
            for account, amount in it.entries.items():
                sums[account] = sums.get(account, 0) + amount
        for account, amount in sums.items():
            yield balance_name(self.marketplace, self.currency, account, self.stripe), amount


class Entry(Part, frozen=True):
    """A block as a link lists it."""

    id: str
    hash: bytes


class Link(Stored, frozen=True, kw_only=True):
    """A link of a stripe's chain. `hash` is kept of it when it was made."""

    stripe: str
    seq: Seq
    previous: bytes
    hash: bytes
    blocks: tuple[Entry, ...]

    def content(self) -> bytes:
        """Return the hash of what it says: the link before, the number in 8 bytes, and id and hash of each block."""
        digest = hashlib.sha256(self.previous)
        digest.update(self.seq.to_bytes(8))
        for it in self.blocks:
            digest.update(it.id.encode())
            digest.update(it.hash)
        return digest.digest()


class Head(Stored, frozen=True, kw_only=True):
    """The last link of a stripe, which is its id."""

    seq: Seq
    hash: bytes


class Balances(Stored, frozen=True, kw_only=True):
    """Kept balances of one group of accounts. The id is marketplace, currency, group and stripe."""

    id: BalanceId = msgspec.field(name="_id")
    amounts: dict[str, int]

    def kept(self) -> Iterator["Balance"]:
        """Return its balances: each account is a field, its dots in other words."""
        marketplace, currency, _, stripe = self.id.split("|", 3)
        for field, amount in self.amounts.items():
            account = field.replace("%2E", ".").replace("%25", "%")
            yield Balance(balance_name(marketplace, currency, account, stripe), marketplace, currency, account, amount)


class Balance(NamedTuple):
    """A kept balance; `name` is made of marketplace, currency, account and stripe."""

    name: str
    marketplace: str
    currency: str
    account: str
    amount_minor: int


def balance_name(marketplace: str, currency: str, account: str, stripe: str) -> str:
    """Return what a balance is called here."""
    return f"{marketplace}|{currency}|{account}|{stripe}"


def transaction_id(block_id: str, place: int) -> str:
    """Return what a transaction is called: its block, and its place there."""
    return f"{block_id}.{place:02}"


def _block(it: Block) -> Rows:
    at_ms = made_ms(it.id)
    for one in it.transactions:
        if ACCOUNTS not in one.order:
            yield one.order, Booked(one.order, at_ms, one.entries)


def made_ms(block_id: str) -> int:
    """Return the time in a block's id."""
    return int(block_id.replace("-", "", 1)[:TIME_DIGITS], 16)


def made_since(at_ms: int, orders: Sequence[str]) -> Query:
    """Return the query for the blocks made since a time that have transactions of these orders."""
    digits = f"{at_ms:0{TIME_DIGITS}x}"
    return {"_id": {"$gte": f"{digits[:8]}-{digits[8:]}"}, "transactions.order": {"$in": list(orders)}}


def booked_since(at_ms: int, orders: Sequence[str]) -> list[Query]:
    """Return the steps to the transactions of these orders since a time, a block with each; no other is sent."""
    return [
        {"$match": made_since(at_ms, orders)},
        {"$unwind": "$transactions"},
        {"$match": {"transactions.order": {"$in": list(orders)}}},
        {"$set": {"transactions": ["$transactions"]}},
    ]


def _balances_within(marketplace: str | None) -> Query:
    return {} if marketplace is None else {"_id": {"$gte": f"{marketplace}|", "$lt": f"{marketplace}}}"}}


def _nothing(_: object) -> Rows:
    return ()


def _all(_: str | None) -> Query:
    return {}


CHAIN: Final = "chain_whole"
BLOCKS: Final = Source(
    "split", "blocks", (), Block, _block, within, per_fetch=BLOCKS_PER_FETCH, law="transaction_unchanged"
)
LINKS: Final = Source[Link]("split", "links", (), Link, _nothing, _all, law=CHAIN)
HEADS: Final = Source[Head]("split", "heads", (), Head, _nothing, _all, law=CHAIN)
BALANCES: Final = Source[Balances](
    "split", "balances", (), Balances, _nothing, _balances_within, law="balances_derived"
)
