"""The books of split judged by what is stored alone: sums, hashes and chains, worked out without split's code."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import msgspec
from tests.simulation.mongo.values import Document

from payments.store.orders import EPOCH
from split.store.balances import kept_in

GENESIS: Final = bytes(32)


def wrong(transactions: list[Document], balances: list[Document]) -> Iterator[str]:
    """Say what is booked wrongly: each order and outcome once; balances are their entries, zero once all is paid."""
    for it in transactions:
        if sum(entry["amount_minor"] for entry in it["entries"]):
            yield f"{it['order']}: a transaction does not sum to zero"
        if content_hash(it) != bytes(it["hash"]):
            yield f"{it['order']}: a transaction is not what it was"
    causes = Counter((it["order"], it["kind"], it["cause"]) for it in transactions)
    splits = Counter((it["order"], it["kind"], "") for it in transactions if it["kind"] == "split")
    for (order, kind, _), times in [*causes.items(), *splits.items()]:
        if times > 1:
            yield f"{order}: {kind} is booked {times} times"
    yield from _out_of_balance(transactions, balances)


def _out_of_balance(transactions: list[Document], balances: list[Document]) -> Iterator[str]:
    derived: Counter[tuple[str, str]] = Counter()
    for it in transactions:
        for entry in it["entries"]:
            derived[entry["account"], it["stripe"]] += entry["amount_minor"]
    kept: Counter[tuple[str, str]] = Counter()
    for it in balances:
        stripe = it["_id"].split("|", 3)[3]
        kept.update({(account, stripe): minor for _, _, account, minor in kept_in(it)})
    if any((kept - derived).values()) or any((derived - kept).values()):
        yield f"balances {dict(kept)} are not their entries {dict(derived)}"
    accounts: Counter[str] = Counter()
    for (account, _), minor in derived.items():
        accounts[account] += minor
    if any(accounts.values()):
        yield f"all is paid, and the books still hold {dict(accounts)}"


def broken(links: list[Document], heads: dict[str, Document], transactions: list[Document]) -> Iterator[str]:
    """Say where the links of a stripe do not follow each other, or do not list every transaction once."""
    stripes: dict[str, list[Document]] = {}
    for link in links:
        stripes.setdefault(link["stripe"], []).append(link)
    listed: Counter[str] = Counter()
    for stripe, chain in stripes.items():
        previous = GENESIS
        for seq, link in enumerate(sorted(chain, key=lambda it: int(it["seq"])), start=1):
            whole = link["seq"] == seq and bytes(link["previous"]) == previous
            if not whole or link_hash(link) != bytes(link["hash"]):
                yield f"{stripe}: link {seq} is not whole"
            previous = bytes(link["hash"])
            listed.update(it["id"] for it in link["transactions"])
        if bytes(heads[stripe]["hash"]) != previous:
            yield f"{stripe}: its head is not its last link"
    if listed != Counter(it["_id"] for it in transactions):
        yield "the links do not list every transaction once"


def content_hash(transaction: Document) -> bytes:
    """Return SHA-256 over the JSON array of a transaction's facts, entries as pairs, its time in ms since 1970."""
    entries = [(entry["account"], entry["amount_minor"]) for entry in transaction["entries"]]
    names = ("marketplace", "currency", "order", "cause", "kind")
    at_ms = (transaction["at"] - EPOCH) // timedelta(milliseconds=1)
    facts = (str(transaction["_id"]), *(transaction[name] for name in names), entries, at_ms)
    return hashlib.sha256(msgspec.json.encode(facts)).digest()


def link_hash(link: Document) -> bytes:
    """Return SHA-256 over the link before, the number in 8 bytes, and id and hash of each transaction."""
    digest = hashlib.sha256(bytes(link["previous"]))
    digest.update(int(link["seq"]).to_bytes(8))
    for it in link["transactions"]:
        digest.update(str(it["id"]).encode())
        digest.update(bytes(it["hash"]))
    return digest.digest()
