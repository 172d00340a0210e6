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


def wrong(blocks: list[Document], balances: list[Document]) -> Iterator[str]:
    """Say what is booked wrongly: each order and outcome once; balances are their entries, zero once all is paid."""
    for it in blocks:
        if content_hash(it) != bytes(it["hash"]):
            yield f"block {it['_id']} is not what it was"
        if it["accounts"] != sorted({account for booked in it["transactions"] for account in booked["entries"]}):
            yield f"block {it['_id']} does not name the accounts of its entries"
    transactions = [booked for it in blocks for booked in it["transactions"]]
    for it in transactions:
        if sum(it["entries"].values()):
            yield f"{it['order']}: a transaction does not sum to zero"
    causes = Counter((it["order"], it["kind"], it["cause"]) for it in transactions)
    splits = Counter((it["order"], it["kind"], "") for it in transactions if it["kind"] == "split")
    for (order, kind, _), times in [*causes.items(), *splits.items()]:
        if times > 1:
            yield f"{order}: {kind} is booked {times} times"
    yield from _out_of_balance(blocks, balances)


def _out_of_balance(blocks: list[Document], balances: list[Document]) -> Iterator[str]:
    derived: Counter[tuple[str, str]] = Counter()
    for it in blocks:
        for booked in it["transactions"]:
            derived.update({(account, it["stripe"]): minor for account, minor in booked["entries"].items()})
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


def broken(links: list[Document], heads: dict[str, Document], blocks: list[Document]) -> Iterator[str]:
    """Say where the links of a stripe do not follow each other, or do not list every block once."""
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
            listed.update(it["id"] for it in link["blocks"])
        if bytes(heads[stripe]["hash"]) != previous:
            yield f"{stripe}: its head is not its last link"
    if listed != Counter(it["_id"] for it in blocks):
        yield "the links do not list every block once"


def content_hash(block: Document) -> bytes:
    """Return SHA-256 over the JSON array of a block's facts, its time in ms since 1970."""
    booked = [tuple(it[name] for name in ("order", "cause", "kind", "entries")) for it in block["transactions"]]
    names = ("marketplace", "currency", "stripe")
    at_ms = (block["at"] - EPOCH) // timedelta(milliseconds=1)
    facts = (str(block["_id"]), *(block[name] for name in names), at_ms, block["accounts"], booked)
    return hashlib.sha256(msgspec.json.encode(facts)).digest()


def link_hash(link: Document) -> bytes:
    """Return SHA-256 over the link before, the number in 8 bytes, and id and hash of each block."""
    digest = hashlib.sha256(bytes(link["previous"]))
    digest.update(int(link["seq"]).to_bytes(8))
    for it in link["blocks"]:
        digest.update(str(it["id"]).encode())
        digest.update(bytes(it["hash"]))
    return digest.digest()
