"""The documents of split: orders with their shares, ledger transactions, the chain over them, and balances."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ops.audit.rows import Booked, Divided, Owed, Share, plain
from ops.audit.shapes import Query, Rows, Source, by_key, ms
from ops.stores import prefixed, within
from shared.mongo import Document

TIME_DIGITS: Final = 12
"""A transaction's id is a UUID of version 7: its first 12 hexadecimal digits are milliseconds since 1970."""

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


class Transaction(NamedTuple):
    """A ledger transaction by itself. `stored` is the hash it was booked with, `content` the one of what is there."""

    id: str
    marketplace: str
    currency: str
    stripe: str
    entries: tuple[tuple[str, int], ...]
    stored: bytes
    content: bytes


def transaction(it: Document) -> Transaction:
    """Return a transaction with the hash of its content.

    The hash is SHA-256 over the JSON array of its facts, entries as pairs, its time in ms since 1970: worked out here
    anew, not by split's code.
    """
    entries = tuple((entry["account"], entry["amount_minor"]) for entry in it["entries"])
    marketplace, currency = it["marketplace"], it["currency"]
    facts = (it["_id"], marketplace, currency, it["order"], it["cause"], it["kind"], entries, ms(it["at"]))
    content = hashlib.sha256(_encode(facts)).digest()
    return Transaction(it["_id"], marketplace, currency, it["stripe"], entries, it["hash"], content)


def _transaction(it: Document) -> Rows:
    entries = tuple((entry["account"], entry["amount_minor"]) for entry in it["entries"])
    yield it["order"], Booked(it["order"], made_ms(it["_id"]), entries)


def made_ms(transaction_id: str) -> int:
    """Return the time in a transaction's id."""
    return int(transaction_id.replace("-", "", 1)[:TIME_DIGITS], 16)


def made_since(at_ms: int, orders: Sequence[str]) -> Query:
    """Return the query for transactions of these orders made since a time."""
    digits = f"{at_ms:0{TIME_DIGITS}x}"
    return {"_id": {"$gte": f"{digits[:8]}-{digits[8:]}"}, "order": {"$in": list(orders)}}


class Link(NamedTuple):
    """A link of a stripe's chain, with the hash of what it says."""

    stripe: str
    seq: int
    previous: bytes
    stored: bytes
    content: bytes
    transactions: tuple[tuple[str, bytes], ...]


def link(it: Document) -> Link:
    """Return a link; its hash covers the link before, the number in 8 bytes, and id and hash of each transaction."""
    listed = tuple((entry["id"], entry["hash"]) for entry in it["transactions"])
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
TRANSACTIONS: Final = Source("split", "transactions", (), _transaction, within)
LINKS: Final = Source("split", "links", (), lambda _: (), lambda _: {})
HEADS: Final = Source("split", "heads", (), lambda _: (), lambda _: {})
BALANCES: Final = Source("split", "balances", (), lambda _: (), _balances_within)
