"""The bounded way to Kafka: keyed batches, one await, one deadline. What times out is sent again; readers tell repeats.

An idempotent aiokafka producer never gives up by itself and may hang in `stop()`, so every await here has a limit and
a producer that missed it is replaced (messaging-anchors 0.6).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from shared.outbox import Outgoing

PUBLISH_TIMEOUT_S: Final = 20.0
START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 5.0
BATCH_BYTES_MAX: Final = 131_072
REQUEST_BYTES_MAX: Final = 2_200_000
"""A dead letter carries a whole bad record and its headers; its topic takes 2 MiB."""

log = structlog.get_logger(__name__)


class PublishError(Exception):
    """Kafka did not take the records in time. Whether it has some of them is unknown: publish them again."""


@lru_cache(maxsize=16_384)  # payments publishes about an order twice, within seconds; the hash goes byte by byte
def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key, as every Kafka client computes it."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class Publisher:
    """Publishes records in order per partition. One per service; safe to call from several tasks."""

    def __init__(self, bootstrap: str, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._producer: Any = None
        self._lock = asyncio.Lock()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish records; return when Kafka has all of them.

        Raises:
            PublishError: not within 20 s, the wait for others included. A producer that failed is replaced.

        """
        if not records:
            return
        try:
            # One producer, one order: a later batch never overtakes an earlier one.
            async with asyncio.timeout(PUBLISH_TIMEOUT_S), self._lock:
                try:
                    producer = await self._started()
                    await self._send(producer, records)
                except BaseException:
                    await asyncio.shield(self._replace())
                    raise
        except (TimeoutError, KafkaError, OSError) as error:
            message = f"Kafka did not take {len(records)} records: {error!r}"
            raise PublishError(message) from error

    async def stop(self) -> None:
        """Close the producer, within 5 s. Nobody publishes any more."""
        await self._replace()

    async def _send(self, producer: Any, records: Sequence[Outgoing]) -> None:  # noqa: ANN401 - aiokafka is untyped
        groups: dict[tuple[str, int], list[Outgoing]] = {}
        topics = dict.fromkeys(it.topic for it in records)  # in the order of records: that of a set differs by process
        partitions = {topic: len(await producer.partitions_for(topic)) for topic in topics}
        for record in records:
            place = partition_of(record.key or b"", partitions[record.topic])
            groups.setdefault((record.topic, place), []).append(record)
        sent = []
        for (topic, partition), group in groups.items():
            batch = producer.create_batch()
            for record in group:
                if _append(batch, record) is None:
                    sent.append(await producer.send_batch(batch, topic, partition=partition))
                    batch = producer.create_batch()
                    _append(batch, record)  # the first record of a batch is taken whatever its size
            if batch.record_count():
                sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)

    async def _started(self) -> Any:  # noqa: ANN401 - aiokafka is untyped
        if self._producer is None:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES_MAX,
                max_request_size=REQUEST_BYTES_MAX,
                request_timeout_ms=int(PUBLISH_TIMEOUT_S * 1000),
            )
            try:
                async with asyncio.timeout(START_TIMEOUT_S):
                    await producer.start()
            except BaseException:
                await _stop(producer)
                raise
            self._producer = producer
        return self._producer

    async def _replace(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)


def _append(batch: Any, record: Outgoing) -> Any:  # noqa: ANN401 - aiokafka is untyped
    return batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))


async def _stop(producer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
    """Close a producer. What it cannot send in time it shall not send at all: its successor has sent that again."""
    try:
        await asyncio.wait_for(producer.stop(), STOP_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - whatever a broken producer does, it is given up here
        log.warning("producer given up", error=repr(error))
        with contextlib.suppress(Exception):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await producer._sender.close()  # noqa: SLF001 - left alone it would try for ever, and so overtake
                await producer.client.close()
