"""Whether the cluster is at rest: nothing unpublished, nothing unread. Only then is what is missing not on its way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

from ops import lag
from ops.audit.findings import Findings
from ops.stores import SERVICES, Stores
from shared.outbox import COLLECTION, oldest_at

LOOKS_APART_S: Final = 0.5
OUTBOX_AGE_MAX: Final = timedelta(seconds=60)
"""Twice what the relay leaves a document before it publishes it itself."""


async def since(stores: Stores, bootstrap: str, groups: dict[str, str]) -> datetime | None:
    """Return a moment by MongoDB's clock before which everything was taken; None while anything is on its way."""
    at = await now(stores)
    before = await _quiet(stores, bootstrap, groups)
    await asyncio.sleep(LOOKS_APART_S)
    after = await _quiet(stores, bootstrap, groups)
    return at if before is not None and before == after else None


async def _quiet(stores: Stores, bootstrap: str, groups: dict[str, str]) -> list[tuple[str, int, int]] | None:
    found = await lag.measure(bootstrap, groups)
    waiting = [await stores.of(service)[COLLECTION].find_one({}, {"_id": 1}) for service in SERVICES]
    if any(waiting) or not lag.drained(found):
        return None
    return [(it.topic, it.partition, it.end) for it in found]


async def check_outboxes(stores: Stores, findings: Findings) -> None:
    """Find events that nobody publishes."""
    moment = await now(stores)
    for service in SERVICES:
        oldest = await oldest_at(stores.of(service))
        if oldest is not None and moment - oldest > OUTBOX_AGE_MAX:
            age = (moment - oldest).total_seconds()
            findings.add("outbox_young", service, f"its oldest event has waited for {age:,.0f} s")


async def now(stores: Stores) -> datetime:
    """Return MongoDB's time."""
    hello = await stores.client.admin.command("hello")
    at: datetime = hello["localTime"]
    return at.replace(tzinfo=UTC)  # the driver gives the answers of commands without a zone
