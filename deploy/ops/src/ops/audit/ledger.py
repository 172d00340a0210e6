"""The ledger by itself: every transaction sums to zero and is unchanged, every balance is the sum of its entries.

The hash of a transaction is worked out anew from what is stored, not by split's code.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from ops.audit.findings import Findings
from ops.audit.snapshot import Snapshot
from ops.sorting import Sorter
from ops.stores import within
from shared.mongo import Document

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)
_encoder = msgspec.json.Encoder()


async def read(
    snapshot: Snapshot, marketplace: str | None, findings: Findings, hashes: Sorter, booked: Sorter
) -> Counter[tuple[str, str, str]]:
    """Check every transaction by itself; fill `hashes` (id, hash) and `booked` (order, account, amount).

    Return what stands in each channel's clearing account, by marketplace, account and currency.
    """
    clearing: Counter[tuple[str, str, str]] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    query = within(marketplace)
    async for it in snapshot.find(snapshot.stores.split, "transactions", query):
        total = 0
        for entry in it["entries"]:
            account, amount = entry["account"], entry["amount_minor"]
            total += amount
            booked.add((it["order"], account, amount))
            if account.startswith("channel:clearing/"):
                clearing[it["marketplace"], account.partition("/")[2], it["currency"]] += amount
        sums[it["marketplace"], it["currency"]] += total
        if total:
            findings.imbalance_minor += abs(total)
            findings.add("entries_sum_to_zero", str(it["_id"]), f"its entries sum to {total} {it['currency']}")
        found = content_hash(it)
        if found != bytes(it["hash"]):
            findings.add("transaction_unchanged", str(it["_id"]), "its hash is not that of its content")
        hashes.add((str(it["_id"]), found))
    return clearing


def content_hash(transaction: Document) -> bytes:
    """Return SHA-256 over the JSON array of a transaction's facts, entries as pairs, its time in ms since 1970."""
    entries = [(entry["account"], entry["amount_minor"]) for entry in transaction["entries"]]
    names = ("marketplace", "currency", "order", "cause", "kind")
    at_ms = (transaction["at"] - EPOCH) // MILLISECOND
    facts = (str(transaction["_id"]), *(transaction[name] for name in names), entries, at_ms)
    return hashlib.sha256(_encoder.encode(facts)).digest()


async def check_balances(snapshot: Snapshot, marketplace: str | None, findings: Findings) -> None:
    """Compare each kept balance with the sum of its entries; MongoDB adds up, on disk where it must."""
    kept = _kept(snapshot, marketplace)
    derived = _derived(snapshot, marketplace)
    one, other = await anext(kept, None), await anext(derived, None)
    while one is not None or other is not None:
        key = min(it[0] for it in (one, other) if it is not None)
        is_kept = is_derived = 0
        if one is not None and one[0] == key:
            is_kept, one = one[1], await anext(kept, None)
        if other is not None and other[0] == key:
            is_derived, other = other[1], await anext(derived, None)
        if is_kept != is_derived:
            findings.add("balances_derived", "|".join(key), f"kept {is_kept}, its entries sum to {is_derived}")


Balance = tuple[tuple[str, ...], int]


async def _kept(snapshot: Snapshot, marketplace: str | None) -> AsyncIterator[Balance]:
    """Read the groups of balances: `_id` is marketplace, currency, group and stripe; each account is a field."""
    place = {"$split": ["$_id", "|"]}
    account = _replaced(_replaced("$held.k", "%2E", "."), "%25", "%")
    parts = [{"$arrayElemAt": ["$place", number]} for number in (0, 1, 3)]
    pipeline: list[dict[str, Any]] = [
        {"$match": {} if marketplace is None else {"_id": {"$gte": f"{marketplace}|", "$lt": f"{marketplace}}}"}}},
        {"$project": {"place": place, "held": {"$objectToArray": "$amounts"}}},
        {"$unwind": "$held"},
        {"$project": {"key": [*parts[:2], account, parts[2]], "amount": "$held.v"}},
        {"$group": {"_id": "$key", "amount": {"$sum": "$amount"}}},
        {"$sort": {"_id": 1}},
    ]
    async for it in snapshot.aggregate(snapshot.stores.split, "balances", pipeline):
        yield tuple(it["_id"]), it["amount"]


async def _derived(snapshot: Snapshot, marketplace: str | None) -> AsyncIterator[Balance]:
    pipeline: list[dict[str, Any]] = [
        {"$match": within(marketplace)},
        {"$unwind": "$entries"},
        {
            "$group": {
                "_id": ["$marketplace", "$currency", "$entries.account", "$stripe"],
                "amount": {"$sum": "$entries.amount_minor"},
            }
        },
        {"$sort": {"_id": 1}},
    ]
    async for it in snapshot.aggregate(snapshot.stores.split, "transactions", pipeline):
        yield tuple(it["_id"]), it["amount"]


def _replaced(text: object, find: str, replacement: str) -> dict[str, object]:
    return {"$replaceAll": {"input": text, "find": find, "replacement": replacement}}
