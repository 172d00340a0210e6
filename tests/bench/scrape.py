"""What the services count of themselves, read from /metrics before and after a window."""

from collections import defaultdict
from collections.abc import Iterable

import httpx
from prometheus_client.parser import text_string_to_metric_families

WANTED = frozenset(
    (
        "weir_batch_records_sum",
        "weir_batch_records_count",
        "weir_transaction_seconds_sum",
        "weir_transaction_seconds_count",
        "weir_transaction_retries_total",
    )
)


type Counts = dict[tuple[str, str], float]
"""Values by name and, where a metric has one, topic."""


def counts(text: str) -> Counts:
    """Return the wanted counters in one service's answer."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in WANTED:
                found[sample.name, sample.labels.get("topic", "")] += sample.value
    return found


def scrape(addresses: Iterable[str]) -> Counts:
    """Return the sum over all copies of a service."""
    total: defaultdict[tuple[str, str], float] = defaultdict(float)
    for address in addresses:
        for place, value in counts(httpx.get(f"{address}/metrics", timeout=10).raise_for_status().text).items():
            total[place] += value
    return total


def grown(name: str, before: Counts, after: Counts, topic: str = "") -> float:
    """Return by how much a counter grew; one that nobody counted yet was 0."""
    return after.get((name, topic), 0.0) - before.get((name, topic), 0.0)


def batches(before: Counts, after: Counts) -> dict[str, float]:
    """Return by topic how many records a batch had on average."""
    found: dict[str, float] = {}
    for topic in {topic for name, topic in after if name == "weir_batch_records_count"}:
        if count := grown("weir_batch_records_count", before, after, topic):
            found[topic] = grown("weir_batch_records_sum", before, after, topic) / count
    return found
