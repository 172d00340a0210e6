"""What payments measures of the money itself, per batch or by the clock; the kit measures its own work."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram

from payments.domain.payouts import Payout
from payments.store.ages import Ages
from shared import leases
from shared.mongo import Database

SECONDS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 2.6, 4.0, 8.0, 15.0, 60.0, 300.0, 3_600.0, 86_400.0)


class Metrics:
    """Gauges and histograms of payments."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waiting = Gauge(
            "weir_instructions_oldest_seconds",
            "Age of the oldest proof, payout or refund that waits for an institution.",
            ["channel", "state"],
            registry=registry,
        )
        self._open = Gauge(
            "weir_lanes_open",
            "Lanes whose institution did not answer the last time: they probe it with one request at a time.",
            ["channel"],
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

    async def sample(self, database: Database, open_lanes: Mapping[str, int]) -> None:
        """Set the gauges now, by MongoDB's clock. `open_lanes` of this replica, by profile."""
        ages = Ages(database)
        now = await leases.now(database)
        waiting = await ages.waiting()
        self._open.clear()
        for channel, count in open_lanes.items():
            self._open.labels(channel).set(count)
        self._waiting.clear()  # a state that nothing is in any more has no age
        for kind, since in waiting.items():
            self._waiting.labels(kind.channel, kind.state).set(max(0.0, (now - since).total_seconds()))
