"""What the measured processes count of themselves, read before and after a window."""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

RECORDS: Final = "weir_batch_records_sum"
BATCHES: Final = "weir_batch_records_count"
TRANSACTIONS: Final = "weir_transaction_seconds_count"
RETRIES: Final = "weir_transaction_retries_total"
WANTED: Final = frozenset((RECORDS, BATCHES, TRANSACTIONS, RETRIES))
TIMEOUT_S: Final = 10.0

type Counts = Mapping[tuple[str, str], float]
"""Values by name and, where a metric has one, topic."""

type Counted = Mapping[str, Counts]
"""The counts of each process."""


def counts(text: str) -> Counts:
    """Return the wanted counters in a service's answer."""
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in WANTED:
                found[sample.name, sample.labels.get("topic", "")] += sample.value
    return found


def scraped(addresses: Mapping[str, str]) -> Counted:
    """Ask services."""
    return {
        name: counts(httpx.get(f"{address}/metrics", timeout=TIMEOUT_S).raise_for_status().text)
        for name, address in addresses.items()
    }


def told(log: str) -> Counts:
    """Return what a process of the floor has said last, under the names that Weir uses."""
    whole = log[: log.rfind("\n") + 1].splitlines()
    found: dict[tuple[str, str], float] = {}
    for topic, (records, batches) in json.loads(whole[-1]).items():
        found |= {(RECORDS, topic): records, (BATCHES, topic): batches}
    return found


def grown(name: str, before: Counts, after: Counts, topic: str = "") -> float:
    """Return by how much a counter grew; one that nobody counted yet was 0."""
    return after.get((name, topic), 0.0) - before.get((name, topic), 0.0)


def in_all(name: str, before: Counted, after: Counted) -> int:
    """Return by how much a counter without topic grew in all processes."""
    return int(sum(grown(name, before[process], after[process]) for process in after))


def batches(before: Counted, after: Counted) -> dict[str, float]:
    """Return how many records a batch had on average, by consumer group."""
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for process, found in after.items():
        for topic in {topic for name, topic in found if name == BATCHES}:
            group = sums[f"{process.partition('-')[0]}.{topic}"]
            group[0] += grown(RECORDS, before[process], found, topic)
            group[1] += grown(BATCHES, before[process], found, topic)
    return {group: round(records / count, 1) for group, (records, count) in sorted(sums.items()) if count}


def taken(before: Counted, after: Counted) -> dict[str, int]:
    """Return how many records each process took."""
    topics = {process: {topic for _, topic in found if topic} for process, found in after.items()}
    return {
        process: int(sum(grown(RECORDS, before[process], found, topic) for topic in topics[process]))
        for process, found in after.items()
    }
