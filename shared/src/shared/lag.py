"""Consumer lag as this process sees it, read when metrics are scraped. `weir lag` reads the broker's own view.

How far the topic reaches is asked of the broker every 2 s, because a consumer whose handler blocks fetches nothing and
learns nothing. The same question tells whether the broker answers at all.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol

from aiokafka.errors import KafkaError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from shared.record import Raw

LABELS: Final = ("group", "topic", "partition")
LOOK_EVERY_S: Final = 2.0
LOOK_S_MAX: Final = 2.0


class Backlog:
    """What one consumer has in hand, has acknowledged, and knows to wait on its partitions."""

    def __init__(self) -> None:
        self.answers = True
        self.consumer: Callable[[], Any] = lambda: None
        self._hand: list[Raw] = []
        self._oldest: dict[int, Raw] = {}
        self._done: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._behind_since: dict[int, float] = {}

    def fetched(self, records: Sequence[Raw]) -> None:
        """Take note of a fetch. What a pause has rewound comes again, and is as old as it was."""
        self._hand = list(records)
        for raw in records:
            self._oldest.setdefault(raw.partition, raw)

    def acked(self, batch: Sequence[Raw]) -> None:
        """Take note that the first records of the fetch are done."""
        for raw in batch:
            self._done[raw.partition] = raw.offset + 1
            self._oldest.pop(raw.partition, None)
            self._behind_since.pop(raw.partition, None)
        self._hand = self._hand[len(batch) :]
        for raw in self._hand:
            self._oldest.setdefault(raw.partition, raw)

    def clear(self) -> None:
        """Forget everything: the partitions are another's now."""
        self._hand, self._oldest, self._done, self._ends, self._behind_since = [], {}, {}, {}, {}

    async def look(self) -> None:
        """Ask the broker how far the assigned partitions reach; `answers` tells whether it did."""
        consumer, done = self.consumer(), self._done
        if consumer is None:
            return
        places = consumer.assignment()
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                ends = await (consumer.end_offsets(places) if places else consumer.topics())
        except (KafkaError, TimeoutError):
            self.answers = False
            return
        self.answers = True
        if done is not self._done or not places:  # a rebalance came in between
            return
        for place in places:
            self._ends[place.partition] = ends[place]
        await self._find_start(consumer, done)
        for partition, behind, _ in self.lags(time.time()):
            if behind and partition not in self._oldest:
                self._behind_since.setdefault(partition, time.time())
            else:
                self._behind_since.pop(partition, None)

    async def _find_start(self, consumer: Any, done: dict[int, int]) -> None:  # noqa: ANN401 - aiokafka is untyped
        """Learn where those partitions stand of which nothing was fetched yet."""
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                for place in consumer.assignment():
                    if place.partition not in done and place.partition not in self._oldest:
                        done.setdefault(place.partition, await consumer.position(place))
        except (KafkaError, TimeoutError):
            return

    def lags(self, now_s: float) -> Iterable[tuple[int, int, float]]:
        """Return (partition, records behind, seconds behind) of each assigned partition that is known.

        The age of a record that waits behind a busy handler is counted from when it was first seen to wait.
        """
        consumer = self.consumer()
        for place in consumer.assignment() if consumer is not None else ():
            oldest = self._oldest.get(place.partition)
            done = oldest.offset if oldest is not None else self._done.get(place.partition)
            end = max(consumer.highwater(place) or 0, self._ends.get(place.partition, 0))
            behind = max(0, end - done) if done is not None else 0
            since = self._behind_since.get(place.partition, now_s)
            if oldest is not None:
                behind, since = max(1, behind), oldest.timestamp_ms / 1000
            yield place.partition, behind, max(0.0, now_s - since) if behind else 0.0


class Consuming(Protocol):
    """A consumer whose lag is reported."""

    group: str
    topic: str
    backlog: Backlog


class LagCollector(Collector):
    """Reports records not yet acknowledged, and the age of the oldest of them; 0 when drained, never negative."""

    def __init__(self, intakes: Sequence[Consuming]) -> None:
        self._intakes = intakes

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return both gauges for every assigned partition."""
        records = GaugeMetricFamily("weir_consumer_lag_records", "Records not yet acknowledged.", labels=LABELS)
        seconds = GaugeMetricFamily("weir_consumer_lag_seconds", "Age of the oldest such record.", labels=LABELS)
        for intake in self._intakes:
            for partition, behind, age in intake.backlog.lags(time.time()):
                labels = (intake.group, intake.topic, str(partition))
                records.add_metric(labels, behind)
                seconds.add_metric(labels, age)
        return records, seconds
