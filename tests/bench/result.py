"""What one run showed, as it stands in the JSON; nothing is measured here."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from tests.bench.usage import Memory

CAPACITY: Final = "capacity"
MANY_RECEIVERS: Final = "50 receivers"
LEDGER: Final = "ledger"
BESIDE: Final = "beside a channel that answers"
BESIDE_SILENT: Final = "beside a channel that times out"
ORDER: Final = "order"
TRANSACTION: Final = "transaction"


class Result(msgspec.Struct, kw_only=True):
    """One run: what was asked, what happened in the window, and what the whole run left behind."""

    name: str
    side: str
    """`weir` or `floor`."""
    rate: float | None
    """Orders a second of an open loop."""
    window: int | None
    """Orders not done at one time, of a closed loop."""
    legs: int
    """Merchants of an order, or entries of a transaction."""
    stored: int
    """Orders done when the window began, on this cluster."""

    seconds: float
    offered: int
    completed: int
    per_s: float
    p50_s: float
    p99_s: float
    max_s: float
    sustained: bool | None
    backlog_grew: float
    cpu_us: dict[str, float]
    """CPU time of an order by process, in µs."""
    cores: float
    elsewhere_cores: float
    """What others used of the machine meanwhile, its hypervisor included."""
    memory_mib: dict[str, Memory]
    batches: dict[str, float]
    """Records of a batch on average, by consumer group."""
    taken: dict[str, int]
    """Records taken by each process."""
    transactions: int
    transaction_retries: int

    published: int
    settled: int
    """Different orders in payout-settled."""
    repeated: int
    """Records of payout-settled about an order that had one already."""
    lag_end: int | None = None
    audit: dict[str, Any] | None = None
    unit: str = ORDER
    """What is counted: orders, or transactions of the ledger, where nothing else runs."""

    @property
    def title(self) -> str:
        """What the run is called in a table."""
        return f"{self.side} {self.name}"

    @property
    def cpu_total_us(self) -> float:
        """CPU time an order took in all, generator and harness included."""
        return sum(self.cpu_us.values())


def ratio(results: Sequence[Result]) -> float | None:
    """Return what Weir reaches of the floor's capacity, where both were measured with the same orders."""
    found = {it.side: it.per_s for it in results if it.name in {CAPACITY, MANY_RECEIVERS}}
    return round(found["weir"] / found["floor"], 3) if {"weir", "floor"} <= found.keys() else None
