"""What payments measures of the money itself, per batch or by the clock; the kit measures its own work."""

import asyncio
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram

from payments.domain.payouts import Payout
from payments.store.ages import Ages
from shared import leases
from shared.mongo import Database, PyMongoError

SAMPLE_EVERY_S: Final = 5.0
SECONDS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 2.6, 4.0, 8.0, 15.0, 60.0, 300.0, 3_600.0, 86_400.0)

log = structlog.get_logger(__name__)


class Metrics:
    """Gauges and histograms of payments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting = Gauge(
            "weir_instructions_oldest_seconds",
            "Age of the oldest proof or payout that waits for an institution.",
            ["channel", "state"],
            registry=registry,
        )
        self._unsettled = Gauge(
            "weir_orders_unsettled_oldest_seconds",
            "Age of the oldest order whose money is not all paid out.",
            registry=registry,
        )
        self._order_to_payout = Histogram(
            "weir_order_to_payout_seconds",
            "From the order-paid to the payout that is paid in full.",
            buckets=SECONDS,
            registry=registry,
        )

    def settled(self, payout: Payout, seconds: float) -> None:
        """Note how long an order took to be paid out; statements and charges have no order-paid to count from."""
        if payout.document.startswith("o:"):
            self._order_to_payout.observe(seconds)

    async def sample(self, database: Database) -> None:
        """Set the gauges now, by MongoDB's clock."""
        ages = Ages(database)
        now = await leases.now(database)
        waiting, unsettled = await ages.waiting(), await ages.unsettled()
        self._waiting.clear()  # a state that nothing is in any more has no age
        for kind, since in waiting.items():
            self._waiting.labels(kind.channel, kind.state).set(max(0.0, (now - since).total_seconds()))
        self._unsettled.set(max(0.0, (now - unsettled).total_seconds()) if unsettled else 0.0)

    async def keep_sampling(self, database: Database) -> None:
        """Set the gauges now and then, for ever."""
        while True:
            try:
                await self.sample(database)
            except PyMongoError as error:  # the outage itself is on /readyz
                log.warning("gauges not sampled", error=repr(error)[:200])
            await asyncio.sleep(SAMPLE_EVERY_S)
