"""Both Kafkas under one roof: consumers and producers of the real one, and of the one in memory."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from tests.simulation.kafka.broker import Broker
from tests.simulation.kafka.consumer import Consumer
from tests.simulation.kafka.producer import Producer
from tests.simulation.weather import Weather

SESSION_S = 6.0
"""The shortest that a real broker allows."""


class Heard(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """A listener that remembers; `revoking` is awaited before it lets go."""

    def __init__(self, revoking: Callable[[], Awaitable[object]] | None = None) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self._revoking = revoking

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Remember, and take the time that a test wants."""
        self.calls.append(("revoked", sorted(it.partition for it in revoked)))
        if self._revoking is not None:
            await self._revoking()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Remember."""
        self.calls.append(("assigned", sorted(it.partition for it in assigned)))


class Kafka(Protocol):
    """What the tests ask of either."""

    async def topic(self, partitions: int = 1) -> str:
        """Make a topic."""

    def consumer(self, topic: str, group: str, listener: Heard, rebalance_s: float = 30.0) -> Any:  # noqa: ANN401 - of either
        """Return a consumer that is not started."""

    def producer(self) -> Any:  # noqa: ANN401 - of either
        """Return a producer that is not started."""

    def dead(self, topic: str, group: str) -> contextlib.AbstractAsyncContextManager[None]:
        """Let a consumer join a group and die."""


class MemoryKafka:
    """The one in memory, in calm weather."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.broker = Broker({}, lambda: int(time.time() * 1000))

    async def topic(self, partitions: int = 1) -> str:
        name = f"topic-{next(self._numbers)}"
        self.broker.logs[name] = [[] for _ in range(partitions)]
        return name

    def consumer(self, topic: str, group: str, listener: Heard, rebalance_s: float = 30.0) -> Consumer:
        self.broker.rebalance_s = rebalance_s
        return Consumer(self.broker, Weather(), topic, group, listener=listener, session_s=SESSION_S)

    def producer(self) -> Producer:
        return Producer(self.broker, Weather(), max_batch_size=1_000)

    @contextlib.asynccontextmanager
    async def dead(self, topic: str, group: str) -> AsyncIterator[None]:
        consumer = self.consumer(topic, group, Heard())
        await consumer.start()
        consumer.fall_silent()
        task: Any = vars(consumer)["_task"]
        task.cancel()
        await asyncio.wait([task])
        yield


class RealKafka:
    """The real one."""

    def __init__(self, bootstrap: str, new_topic: Callable[..., Awaitable[str]]) -> None:
        self._bootstrap = bootstrap
        self._new_topic = new_topic

    async def topic(self, partitions: int = 1) -> str:
        return await self._new_topic("contract", partitions=partitions)

    def consumer(self, topic: str, group: str, listener: Heard, rebalance_s: float = 30.0) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=f"{group}-{topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(SESSION_S * 1000),
            heartbeat_interval_ms=300,
            rebalance_timeout_ms=int(rebalance_s * 1000),
            fetch_max_wait_ms=50,
        )
        consumer.subscribe([topic], listener=listener)
        return consumer

    def producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True, max_batch_size=1_000)

    @contextlib.asynccontextmanager
    async def dead(self, topic: str, group: str) -> AsyncIterator[None]:
        other = asyncio.new_event_loop()  # once it stands still, nothing is sent by what lives in it

        async def begin() -> AIOKafkaConsumer:
            consumer = self.consumer(topic, group, Heard())
            await consumer.start()
            return consumer

        consumer = await asyncio.to_thread(other.run_until_complete, begin())
        try:
            yield
        finally:
            await asyncio.to_thread(other.run_until_complete, consumer.stop())
            other.close()


async def send(kafka: Kafka, topic: str, *values: str, partition: int = 0) -> None:
    """Put records into a partition, one batch."""
    producer = kafka.producer()
    await producer.start()
    try:
        batch = producer.create_batch()
        for value in values:
            batch.append(key=b"k", value=value.encode(), timestamp=None, headers=[("h", None), ("i", b"\xff")])
        await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


async def drained(consumer: Any, count: int, max_records: int | None = None) -> dict[int, list[str]]:  # noqa: ANN401 - of either
    """Return the next so many records by partition; fewer when no more come."""
    found: dict[int, list[str]] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while sum(map(len, found.values())) < count:
                fetched = await consumer.getmany(timeout_ms=200, max_records=max_records)
                for place, records in fetched.items():
                    found.setdefault(place.partition, []).extend(it.value.decode() for it in records)
    return found


async def until(so: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(patience_s):
        while not so():  # noqa: ASYNC110 - what is waited for is at a broker
            await asyncio.sleep(0.02)
