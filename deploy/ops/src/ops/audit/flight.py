"""What is under way inside Weir: in an outbox, on Kafka, in a lane, due to be looked at. How much, and how old.

`passed` waits until all that was committed before it has had its effect, so that what is missing then is lost.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ops import lag
from ops.audit.case import Hop
from ops.audit.findings import Findings
from ops.audit.shapes import payments, split
from ops.stores import SERVICES, Stores
from shared import leases
from shared.mongo import Database
from shared.outbox import COLLECTION

OUTBOX_AGE_S_MAX: Final = 30.0
AGE_S_MAX: Final = 300.0
PASSED_S_MAX: Final = 60.0
POLL_S: Final = 0.5
EVENTS_MAX: Final = 100_000

HOPS: Final[Mapping[Hop, tuple[str | None, str]]] = {
    "taken": (None, "payments.order-paid"),
    "copied": ("payments", "aftersale.order-paid"),
    "split": ("payments", "split.split-requested"),
    "payout": ("split", "payments.payout-requested"),
    "posted": ("payments", "split.payout-settled"),
    "stated": ("payments", "merchant.payout-settled"),
    "refund": ("split", "payments.refund-requested"),
    "refunded": ("payments", "split.refund-settled"),
}
"""Whose outbox an event leaves, and the group that takes it."""


@dataclass(frozen=True, slots=True)
class Flight:
    """So much of one kind is under way; `oldest_s` is the age of the oldest, None where it cannot be told."""

    kind: str
    where: str
    count: int
    oldest_s: float | None


async def now_ms(stores: Stores) -> int:
    """Return MongoDB's time."""
    return round((await leases.now(stores.payments)).timestamp() * 1000)


async def look(stores: Stores, bootstrap: str, groups: dict[str, str]) -> list[Flight]:
    """Return what is under way now, what is not left out."""
    at_ms = await now_ms(stores)
    found = [await _outbox(stores.of(service), service, at_ms) for service in SERVICES]
    for group, records in _by_group(await lag.measure(bootstrap, groups)).items():
        ages = [it.seconds for it in records if it.records]
        oldest = None if None in ages else max((age for age in ages if age is not None), default=None)
        found.append(Flight("unread", group, sum(it.records for it in records), oldest))
    found.append(await _unsent(stores.payments, at_ms))
    found.append(await _due(stores.split, at_ms))
    return [it for it in found if it.count]


def judge(flights: list[Flight], findings: Findings) -> None:
    """Find what is under way for too long."""
    for it in flights:
        if it.oldest_s is None:
            continue
        waited = f"the oldest of {it.count:,} has waited for {it.oldest_s:,.0f} s"
        if it.kind == "outbox" and it.oldest_s > OUTBOX_AGE_S_MAX:
            findings.add("outbox_young", it.where, waited)
        elif it.oldest_s > AGE_S_MAX:
            findings.add("moves_on", f"{it.kind} {it.where}", waited)


async def passed(stores: Stores, bootstrap: str, groups: dict[str, str]) -> frozenset[Hop]:
    """Return the hops on which all that was committed before this call has arrived, having waited up to a minute.

    What was in an outbox must have left it, and what was on Kafka then must have been taken.
    """
    deadline = time.monotonic() + PASSED_S_MAX
    left = {service: await _letters(stores.of(service)) for service in SERVICES}
    while any(left.values()) and time.monotonic() < deadline:
        await asyncio.sleep(POLL_S)
        for service, letters in left.items():
            left[service] = [it["_id"] async for it in stores.of(service)[COLLECTION].find({"_id": {"$in": letters}})]
    ends = {(it.group, it.partition): it.end for it in await lag.measure(bootstrap, groups)}
    while True:
        found = await lag.measure(bootstrap, groups)
        # A group that has nothing to read need not have committed.
        behind = {
            it.group for it in found if it.records and (it.committed or 0) < ends.get((it.group, it.partition), 0)
        }
        if not behind or time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_S)
    stuck = {service for service, letters in left.items() if letters}
    return frozenset(hop for hop, (service, group) in HOPS.items() if service not in stuck and group not in behind)


def _by_group(lags: list[lag.Lag]) -> dict[str, list[lag.Lag]]:
    found: dict[str, list[lag.Lag]] = {}
    for it in lags:
        found.setdefault(it.group, []).append(it)
    return found


async def _outbox(database: Database, service: str, at_ms: int) -> Flight:
    stages: list[dict[str, Any]] = [
        {"$limit": EVENTS_MAX},
        {"$group": {"_id": None, "events": {"$sum": _size("$events")}, "oldest": {"$min": _moment("$at")}}},
    ]
    async for it in database[COLLECTION].aggregate(stages):
        return Flight("outbox", service, max(1, it["events"]), it["oldest"] and _age_s(it["oldest"], at_ms))
    return Flight("outbox", service, 0, None)


async def _unsent(database: Database, at_ms: int) -> Flight:
    """Count instructions that a lane has. They are as old as the last hand-over to it: a lane tries for ever."""
    count, moments = 0, list[datetime]()
    handed: list[dict[str, Any]] = [
        {"$group": {"_id": None, "count": {"$sum": _size("$keys")}, "oldest": {"$min": _moment("$due_at")}}},
    ]
    timed: list[dict[str, Any]] = [
        {"$match": dict(payments.UNSENT)},
        {"$group": {"_id": None, "count": {"$sum": 1}, "oldest": {"$min": "$ask_at"}}},
    ]
    for source, stages in ((payments.HANDOVERS, handed), (payments.PAYOUTS, timed), (payments.REFUNDS, timed)):
        async for it in database[source.collection].aggregate(stages):
            count += it["count"]
            moments += [it["oldest"]] if it["oldest"] else []
    oldest_s = _age_s(min(moments), at_ms + payments.HANDED_OVER_MS) if moments else None
    return Flight("unsent", "payments", count, oldest_s)


async def _due(database: Database, at_ms: int) -> Flight:
    """Count orders whose deadline has come and which split has not looked at since."""
    count, moments = 0, list[datetime]()
    due = {"look_at": {"$lte": datetime.fromtimestamp(at_ms / 1000, UTC)}}
    async for it in database[split.ORDERS.collection].find(due, {"look_at": 1}).sort("look_at", 1).limit(EVENTS_MAX):
        count += 1
        moments.append(it["look_at"])
    return Flight("due", "split", count, _age_s(min(moments), at_ms) if moments else None)


def _size(field: str) -> dict[str, Any]:
    """Return how long a list is; what is none, as a hand may leave it, has nothing in it."""
    return {"$size": {"$cond": [{"$isArray": field}, field, []]}}


def _moment(field: str) -> dict[str, Any]:
    """Return a time, or null for what is none."""
    return {"$cond": [{"$eq": [{"$type": field}, "date"]}, field, None]}


def _age_s(moment: datetime, at_ms: int) -> float:
    return max(0.0, at_ms / 1000 - moment.timestamp())


async def _letters(database: Database) -> list[Any]:
    return [it["_id"] async for it in database[COLLECTION].find({}, {"_id": 1}).limit(EVENTS_MAX)]
