"""The documents of split: orders with their shares, blocks of the ledger, the chain over them, and balances."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ops.audit.rows import Booked, Divided, Owed, Share, plain
from ops.audit.shapes import Query, Rows, Source, by_key, ms
from ops.stores import prefixed, within
from shared.mongo import Document

TIME_DIGITS: Final = 12
"""A block's id is a UUID of version 7: its first 12 hexadecimal digits are milliseconds since 1970."""

BLOCKS_PER_FETCH: Final = 100
"""A block has some 20 kB, and ten times that as objects of Python."""

_encode: Final = msgspec.json.Encoder(enc_hook=plain).encode


class _Payment(msgspec.Struct, frozen=True, gc=False):
    amount_minor: int
    fee_minor: int = 0


class _Adjustment(msgspec.Struct, frozen=True, gc=False):
    kind: str
    amount_minor: int
    party: str


class _Body(msgspec.Struct, frozen=True, gc=False):
    payments: tuple[_Payment, ...]
    adjustments: tuple[_Adjustment, ...] = ()


_bodies: Final = msgspec.json.Decoder(_Body)


def _order(it: Document) -> Rows:
    if it["state"] != "split":
        return  # the first event of an order that has not come to be split yet
    body = _bodies.decode(it["body"])
    paid = sum(payment.amount_minor for payment in body.payments)
    yield (
        it["_id"],
        Divided(
            order=it["_id"],
            account=it["channel_account"],
            currency=it["currency"],
            paid_minor=paid,
            pooled_minor=paid - sum(payment.fee_minor for payment in body.payments),
            surcharge_minor=sum(_surcharge(adjustment) for adjustment in body.adjustments),
            due_minor=it["subsidy_due_minor"],
            payouts=it["payouts"],
            divided_ms=ms(it["split_at"]),
            shares=tuple(_share(share) for share in it["shares"]),
            subsidies=tuple(Owed(s["subsidy_id"], s["amount_minor"], s["state"]) for s in it["subsidies"]),
        ),
    )


def _surcharge(it: _Adjustment) -> int:
    """Return what the buyer paid to the platform itself."""
    of_merchant = it.party.startswith("merchant:") and it.kind != "subsidy"
    return 0 if of_merchant else max(0, it.amount_minor)


def _share(it: dict[str, Any]) -> Share:
    figures = it["breakdown"]
    return Share(
        path=it["path"],
        receiver=it["receiver"],
        amount_minor=it["amount_minor"],
        state=it["state"],
        reason=it["reason"],
        part=it["part"],
        attempt=it["attempt"],
        gross_minor=figures["gross_minor"],
        freight_minor=figures["freight_minor"],
        adjustments_minor=figures["adjustments_minor"],
        commission_minor=figures["commission_minor"],
        fee_minor=figures["fee_minor"],
        passed_on_minor=figures["passed_on_minor"],
    )


class Block(NamedTuple):
    """Transactions that were booked together. `stored` is the hash kept of them, `content` that of what is there."""

    id: str
    marketplace: str
    currency: str
    stripe: str
    entries: tuple[dict[str, int], ...]
    stored: bytes
    content: bytes


def block(it: Document) -> Block:
    """Return a block's transactions, minor units by account, with the hash of its content.

    The hash is SHA-256 over the JSON array of its facts, its time in ms since 1970: worked out here anew, not by
    split's code.
    """
    marketplace, currency, stripe = it["marketplace"], it["currency"], it["stripe"]
    booked = it["transactions"]
    named = [(one["order"], one["cause"], one["kind"], one["entries"]) for one in booked]
    facts = (it["_id"], marketplace, currency, stripe, ms(it["at"]), it["accounts"], named)
    content = hashlib.sha256(_encode(facts)).digest()
    return Block(it["_id"], marketplace, currency, stripe, tuple(one["entries"] for one in booked), it["hash"], content)


def transaction_id(block_id: str, place: int) -> str:
    """Return what a transaction is called: its block, and its place there."""
    return f"{block_id}.{place:02}"


def _block(it: Document) -> Rows:
    at_ms = made_ms(it["_id"])
    for one in it["transactions"]:
        yield one["order"], Booked(one["order"], at_ms, one["entries"])


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


class Link(NamedTuple):
    """A link of a stripe's chain, with the hash of what it says."""

    stripe: str
    seq: int
    previous: bytes
    stored: bytes
    content: bytes
    blocks: tuple[tuple[str, bytes], ...]


def link(it: Document) -> Link:
    """Return a link; its hash covers the link before, the number in 8 bytes, and id and hash of each block."""
    listed = tuple((entry["id"], entry["hash"]) for entry in it["blocks"])
    digest = hashlib.sha256(it["previous"])
    digest.update(it["seq"].to_bytes(8))
    for identity, content in listed:
        digest.update(identity.encode())
        digest.update(content)
    return Link(it["stripe"], it["seq"], it["previous"], it["hash"], digest.digest(), listed)


class Balance(NamedTuple):
    """A kept balance; `name` is made of marketplace, currency, account and stripe."""

    name: str
    marketplace: str
    currency: str
    account: str
    amount_minor: int


def balances(it: Document) -> Iterator[Balance]:
    """Return what one document keeps: `_id` is marketplace, currency, group and stripe; each account is a field."""
    marketplace, currency, _, stripe = it["_id"].split("|", 3)
    for field, amount in it["amounts"].items():
        account = field.replace("%2E", ".").replace("%25", "%")
        yield Balance(balance_name(marketplace, currency, account, stripe), marketplace, currency, account, amount)


def _balances_within(marketplace: str | None) -> Query:
    return {} if marketplace is None else {"_id": {"$gte": f"{marketplace}|", "$lt": f"{marketplace}}}"}}


def balance_name(marketplace: str, currency: str, account: str, stripe: str) -> str:
    """Return what a balance is called here."""
    return f"{marketplace}|{currency}|{account}|{stripe}"


def moved(it: Block) -> Iterator[tuple[str, int]]:
    """Return by how much a block moves each balance."""
    sums: dict[str, int] = {}
    for entries in it.entries:
        for account, amount in entries.items():
            sums[account] = sums.get(account, 0) + amount
    for account, amount in sums.items():
        yield balance_name(it.marketplace, it.currency, account, it.stripe), amount


def head(it: Document) -> tuple[str, int, bytes]:
    """Return stripe, number and hash of the last link."""
    return it["_id"], it["seq"], it["hash"]


ORDERS: Final = Source(
    "split",
    "orders",
    (
        "state",
        "body",
        "channel_account",
        "currency",
        "subsidy_due_minor",
        "payouts",
        "split_at",
        *(f"shares.{it}" for it in ("path", "receiver", "amount_minor", "state", "reason", "part", "attempt")),
        "shares.breakdown",
        "subsidies",
    ),
    _order,
    prefixed,
    by_key,
)
BLOCKS: Final = Source("split", "blocks", (), _block, within, per_fetch=BLOCKS_PER_FETCH)
LINKS: Final = Source("split", "links", (), lambda _: (), lambda _: {})
HEADS: Final = Source("split", "heads", (), lambda _: (), lambda _: {})
BALANCES: Final = Source("split", "balances", (), lambda _: (), _balances_within)
