"""Consumer lag: right while a handler blocks, 0 when drained, never negative."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from tests.shared.probe import Probe, count_of, until

from shared import lag
from shared.lag import Backlog
from shared.record import Raw
from shared.service import Service

PLACE = TopicPartition("taken", 0)


@dataclass
class Consumer:
    """Stands for a consumer of one partition, at rest."""

    high: int | None = None
    end: int = 0
    at: int = 0
    away: bool = False
    places: set[TopicPartition] = field(default_factory=lambda: {PLACE})

    def assignment(self) -> set[TopicPartition]:
        return self.places

    def highwater(self, _: TopicPartition) -> int | None:
        return self.high

    async def position(self, _: TopicPartition) -> int:
        return self.at

    async def end_offsets(self, places: set[TopicPartition]) -> dict[TopicPartition, int]:
        if self.away:
            raise KafkaConnectionError
        return dict.fromkeys(places, self.end)

    async def topics(self) -> set[str]:
        if self.away:
            raise KafkaConnectionError
        return set()


def backlog(consumer: Consumer) -> Backlog:
    found = Backlog()
    found.consumer = lambda: consumer
    return found


def raw(offset: int, age_s: float = 0.0) -> Raw:
    return Raw("taken", 0, offset, int((time.time() - age_s) * 1000), None, None, [])


def the_lag(found: Backlog, now: float | None = None) -> tuple[int, float]:
    [(_, behind, age)] = found.lags(now if now is not None else time.time())
    return behind, age


async def test_what_is_in_hand_counts_from_its_first_record() -> None:
    consumer = Consumer(high=100)
    found = backlog(consumer)
    found.fetched([raw(90, age_s=30), raw(91, age_s=20)])
    behind, age = the_lag(found)
    assert behind == 10
    assert 29 < age < 32


async def test_a_part_that_is_done_moves_it_on() -> None:
    found = backlog(Consumer(high=100))
    records = [raw(90, age_s=30), raw(91, age_s=20)]
    found.fetched(records)
    found.acked(records[:1])
    behind, age = the_lag(found)
    assert behind == 9
    assert 19 < age < 22


async def test_a_drained_partition_has_no_lag() -> None:
    found = backlog(Consumer(high=92))
    records = [raw(90, age_s=30), raw(91, age_s=20)]
    found.fetched(records)
    found.acked(records)
    assert the_lag(found) == (0, 0.0)


async def test_it_is_never_negative() -> None:
    """Two numbers that are read one after the other may contradict each other; the broker's clock may be ahead."""
    found = backlog(Consumer(high=50))
    records = [raw(99, age_s=-60)]
    found.fetched(records)
    assert the_lag(found) == (1, 0.0)
    found.acked(records)
    assert the_lag(found) == (0, 0.0)


async def test_what_arrives_behind_a_busy_handler_is_seen() -> None:
    """Fails when only the fetches tell how far a topic reaches: a consumer that is busy does not fetch."""
    consumer = Consumer(high=91, end=91)
    found = backlog(consumer)
    found.fetched([raw(90)])
    consumer.end = 1_090
    await found.look()
    assert the_lag(found)[0] == 1_000


async def test_what_waits_unfetched_ages_from_when_it_was_seen() -> None:
    consumer = Consumer(high=None, end=40, at=40)
    found = backlog(consumer)
    await found.look()
    assert the_lag(found) == (0, 0.0)
    consumer.end = 45
    await found.look()
    behind, age = the_lag(found, time.time() + 10)
    assert behind == 5
    assert 9.5 < age < 12
    consumer.at = 45
    records = [raw(offset) for offset in range(40, 45)]
    found.fetched(records)
    found.acked(records)
    await found.look()
    assert the_lag(found, time.time() + 10) == (0, 0.0)


async def test_the_broker_that_does_not_answer_is_told() -> None:
    consumer = Consumer(away=True)
    found = backlog(consumer)
    assert found.answers
    await found.look()
    assert not found.answers
    consumer.places = set()
    await found.look()
    assert not found.answers, "a replica without partitions asks too"
    consumer.away = False
    await found.look()
    assert found.answers


async def test_a_rebalance_forgets_everything() -> None:
    found = backlog(Consumer(high=100))
    found.fetched([raw(90)])
    found.clear()
    assert the_lag(found) == (0, 0.0)


def sample(service: Service, name: str, **labels: str) -> float | None:
    return service.metrics.get_sample_value(name, labels)


@pytest.mark.infra
async def test_lag_is_right_while_a_handler_blocks_and_zero_when_drained(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "LOOK_EVERY_S", 0.1)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def block(*_: Any) -> None:  # noqa: ANN401 - a batch and its work
        began.set()
        await go_on.wait()

    labels = {"group": it.group, "topic": it.taken.topic, "partition": "0"}
    it.before.append(block)
    await it.send(it.order(0), partition=0)
    async with it.running() as service:
        await began.wait()
        await it.send(*(it.order(number) for number in range(1, 30)), partition=0)
        await it.send(*(it.order(number) for number in range(30, 37)), partition=1)

        async def seen() -> bool:
            here = sample(service, "weir_consumer_lag_records", **labels)
            there = sample(service, "weir_consumer_lag_records", **{**labels, "partition": "1"})
            return (here, there) == (30, 7)

        await until(seen)
        before = sample(service, "weir_consumer_lag_seconds", **labels)
        await asyncio.sleep(0.2)
        after = sample(service, "weir_consumer_lag_seconds", **labels)
        assert before is not None
        assert after is not None
        assert after > before > 0
        assert (sample(service, "weir_consumer_lag_seconds", **{**labels, "partition": "1"}) or 0) > 0
        go_on.set()

        async def drained() -> bool:
            names = ("weir_consumer_lag_records", "weir_consumer_lag_seconds")
            parts = [{**labels, "partition": str(number)} for number in range(4)]
            return all(sample(service, name, **part) == 0 for name in names for part in parts)

        await until(drained)
        assert await count_of(service.database, "orders") == 37
