"""Bytes that aiokafka itself cannot read must not stop a partition."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.consumer import fetcher
from aiokafka.record import default_records, memory_records
from tests.shared.probe import Probe, record_of, stored

pytestmark = pytest.mark.infra


class Unreadable(str):
    """A header name whose bytes are no UTF-8, as other clients may send."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Return bytes that are no text."""
        return b"\xff\xfe" + super().encode(encoding, errors)


async def send_together(it: Probe, numbers: range, bad: int) -> None:
    """Send orders in one batch of Kafka's, one of them with a header name that is not UTF-8."""
    async with AIOKafkaProducer(bootstrap_servers=it.bootstrap) as producer:
        batch = producer.create_batch()
        # aiokafka's fast builder takes no other strings; the slow one writes the same bytes.
        batch._builder = default_records._DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 100_000)  # noqa: SLF001
        for number in numbers:
            record = record_of(it.order(number))
            record["headers"] = [*record["headers"], *([(Unreadable("bad"), b"")] if number == bad else [])]
            batch.append(timestamp=None, **record)
        await (await producer.send_batch(batch, it.taken.topic, partition=0))


async def test_a_header_name_that_is_not_utf8_costs_nobody_its_place(it: Probe) -> None:
    """Fails when `wire.install` is not called: the poll raises for ever, and what it had read elsewhere is lost."""
    await send_together(it, range(10), bad=4)
    await it.send(*(it.order(number) for number in range(10, 40)))
    async with it.running() as service:
        await stored(service, 40)


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_upstream_may_compress_as_it_likes(it: Probe, compression: str | None) -> None:
    await it.send(*(it.order(number) for number in range(20)), compression=compression)
    async with it.running() as service:
        await stored(service, 20)


async def test_aiokafka_alone_still_cannot_read_such_a_name(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, aiokafka has mended it and shared/wire.py can go."""
    monkeypatch.setattr(fetcher, "MemoryRecords", memory_records.MemoryRecords)
    await send_together(it, range(3), bad=1)
    async with AIOKafkaConsumer(
        it.taken.topic, bootstrap_servers=it.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        with pytest.raises(UnicodeDecodeError):
            await consumer.getmany(timeout_ms=10_000)
