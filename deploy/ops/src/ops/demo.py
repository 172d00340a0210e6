"""One demonstration on a running cluster: a fresh marketplace, its sample orders sent, settled and audited.

Nothing is started or stopped here, and nothing printed; the cluster may be one that others use.
"""

import math
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ops import lag, places, sample, settled
from ops.addresses import Addresses
from ops.audit.run import Report, Scope
from ops.audit.run import run as audit
from ops.institution import Institution
from ops.letters import topics_of
from ops.places import Tally
from ops.send import manifest
from ops.send.run import Progress
from ops.send.run import run as send
from ops.stores import Stores, opened, prefixed
from shared.marketplaces import Marketplaces, MarketplacesError
from shared.topics import Topics

SETTLED_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one demonstration showed. Latencies are from the order's own event to its last leg's outcome."""

    marketplace: str
    tally: Tally
    seconds: float
    p50_s: float
    p99_s: float
    lag_records: int
    audit: Report

    @property
    def fine(self) -> bool:
        """Say whether every order is settled and every law of the audit holds."""
        return settled.finished(self.tally, allow_held=False) and not self.audit.findings.total


def fresh_marketplace() -> str:
    """Return the id of a marketplace that no run had before."""
    return f"demo-{datetime.now(UTC):%m%d%H%M%S}-{secrets.token_hex(2)}"


async def play(
    found: Addresses, marketplaces: Marketplaces, topics: Topics, orders: int, progress: Progress
) -> Outcome:
    """Send `orders` sample orders, wait until they are settled, audit the books, and return what happened."""
    marketplace = fresh_marketplace()
    tenant = marketplaces.find(marketplace)
    if tenant is None:
        message = f"the marketplaces file has no `demo-*`, to which {marketplace} would belong"
        raise MarketplacesError(message)
    account = tenant.channel_accounts[0].account
    run = marketplace.removeprefix("demo-")
    began = time.monotonic()
    await send(lambda: sample.items(marketplace, account, run, orders), found, progress)
    async with opened(found.found("mongo")) as stores:
        look = settled.Look(stores, found.found("kafka"), tuple(topics_of(list(topics))))
        progress.stage("settling", orders)
        keys = places.sent_keys(manifest.keys(marketplace))
        tell = _difference(progress.advance)
        tally = await settled.wait(look, keys, timeout_s=SETTLED_TIMEOUT_S, allow_held=False, tell=tell)
        took = time.monotonic() - began
        latencies = await _latencies(stores, marketplace)
        progress.stage("auditing the books")
        async with Institution(found.found("institution")) as institution:
            scope = Scope(marketplace, lag.groups(topics))
            report = await audit(look, institution, scope, lambda _: None)
    behind = await lag.measure(found.found("kafka"), lag.groups(topics))
    return Outcome(
        marketplace=marketplace,
        tally=tally,
        seconds=took,
        p50_s=quantile(latencies, 0.50),
        p99_s=quantile(latencies, 0.99),
        lag_records=sum(it.records for it in behind),
        audit=report,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest of sorted `values` that at least `share` of them do not exceed; 0 of none."""
    return values[max(0, math.ceil(len(values) * share) - 1)] if values else 0.0


def _difference(advance: Callable[[int], None]) -> Callable[[Tally], None]:
    shown = 0

    def tell(tally: Tally) -> None:
        nonlocal shown
        now = tally.of("settled")
        advance(now - shown)
        shown = now

    return tell


async def _latencies(stores: Stores, marketplace: str) -> list[float]:
    fields = {"order": 1, "origin_time": 1, "settled_at": 1}
    last: dict[str, float] = {}
    async for it in stores.payments["payouts"].find(prefixed(marketplace), fields):
        if it["settled_at"] is not None:
            seconds = (it["settled_at"] - it["origin_time"]).total_seconds()
            last[it["order"]] = max(seconds, last.get(it["order"], 0.0))
    return sorted(last.values())
