"""Consumer lag as this process sees it, read when metrics are scraped. `weir lag` reads the broker's own view."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.intake import Intake

LABELS = ("group", "topic", "partition")


class LagCollector(Collector):
    """Reports records not yet acknowledged, and the age of the oldest of them; 0 when drained, never negative."""

    def __init__(self, intakes: Sequence[Intake[Any]]) -> None:
        self._intakes = intakes

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return both gauges for every assigned partition."""
        records = GaugeMetricFamily("weir_consumer_lag_records", "Records not yet acknowledged.", labels=LABELS)
        seconds = GaugeMetricFamily("weir_consumer_lag_seconds", "Age of the oldest such record.", labels=LABELS)
        for intake in self._intakes:
            for partition, behind, age in lags(intake, time.time()):
                labels = (intake.group, intake.topic, str(partition))
                records.add_metric(labels, behind)
                seconds.add_metric(labels, age)
        return records, seconds


def lags(intake: Intake[Any], now_s: float) -> Iterable[tuple[int, int, float]]:
    """Return (partition, records behind, seconds behind) of each assigned partition whose end is known."""
    consumer = intake.consumer
    if consumer is None:
        return
    for place in consumer.assignment():
        end = consumer.highwater(place)
        done = intake.acked.get(place.partition)
        oldest_ms = intake.oldest_ms.get(place.partition)
        if end is None or (done is None and oldest_ms is None):
            yield place.partition, 0, 0.0
            continue
        behind = max(0, end - done) if done is not None else 1
        age = max(0.0, now_s - oldest_ms / 1000) if oldest_ms is not None and behind else 0.0
        yield place.partition, behind, age
