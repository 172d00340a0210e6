"""Events reach Kafka keyed, in order and within a limit of time; a dead broker costs a producer, not the service."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import NewTopicMaker

from shared import publisher
from shared.outbox import Outgoing
from shared.publisher import BATCH_BYTES_MAX, Publisher, PublishError, partition_of


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_goes_where_kafkas_own_client_puts_it(key: bytes, murmur2: int) -> None:
    """The hashes are those of Kafka's UtilsTest."""
    for partitions in (1, 4, 12, 1_000):
        assert partition_of(key, partitions) == (murmur2 & 0x7FFFFFFF) % partitions


@given(key=st.binary(min_size=1, max_size=200), partitions=st.integers(1, 64))
def test_every_key_goes_where_aiokafka_puts_it(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, every, every)


def outgoing(topic: str, key: str, value: bytes) -> Outgoing:
    return Outgoing(topic, key.encode(), value, [("n", None), ("h", b"\xff")], ("api", -1), 0)


async def read(bootstrap: str, topic: str, count: int) -> list[tuple[int, bytes, bytes]]:
    found: list[tuple[int, bytes, bytes]] = []
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(30):
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.extend((it.partition, it.key, it.value) for it in records)
    return found


async def publish_all(bootstrap: str, calls: Sequence[Sequence[Outgoing]]) -> None:
    it = Publisher(bootstrap, "test")
    try:
        for records in calls:
            await it.publish(records)
    finally:
        await it.stop()


@pytest.mark.infra
async def test_a_key_keeps_its_order_and_partition_over_many_batches(
    kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    """Fails with `publish_batch`, which ignores keys, and with one batch a partition: each gets far over 128 KB."""
    topic = await new_topic(partitions=3)
    keys = [f"key-{number}" for number in range(7)]
    sent = [(keys[number % 7], f"{number:05}".encode() + b"." * 2_000) for number in range(1_400)]
    calls = [[outgoing(topic, *record) for record in sent[at : at + 350]] for at in range(0, 1_400, 350)]
    await publish_all(kafka_bootstrap, calls)
    found = await read(kafka_bootstrap, topic, len(sent))
    assert len(found) == len(sent)
    for partition in range(3):
        assert sum(len(value) for at, _, value in found if at == partition) > 2 * BATCH_BYTES_MAX
    for key in keys:
        mine = [(at, value) for at, name, value in found if name == key.encode()]
        assert [value for _, value in mine] == [value for name, value in sent if name == key]
        assert {at for at, _ in mine} == {partition_of(key.encode(), 3)}


@pytest.mark.infra
async def test_a_key_shares_its_partition_with_what_other_clients_publish(
    kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    topic = await new_topic(partitions=12)
    keys = [f"test-kit/{number}" for number in range(50)]
    await publish_all(kafka_bootstrap, [[outgoing(topic, key, b"ours") for key in keys]])
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
        for key in keys:
            await producer.send(topic, b"theirs", key=key.encode())
    found = await read(kafka_bootstrap, topic, 100)
    assert len({(at, key) for at, key, _ in found}) == 50


@pytest.mark.infra
async def test_a_record_far_larger_than_a_batch_is_published_among_small_ones(
    kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    topic = await new_topic()
    values = [b"small", b"x" * 900_000, b"after", b"y" * 900_000]
    await publish_all(kafka_bootstrap, [[outgoing(topic, "k", value) for value in values]])
    assert [value for _, _, value in await read(kafka_bootstrap, topic, 4)] == values


@pytest.mark.infra
async def test_headers_that_are_null_or_no_text_arrive_as_they_are(
    kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    topic = await new_topic()
    await publish_all(kafka_bootstrap, [[outgoing(topic, "k", b"v")]])
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(20):
        assert list((await consumer.getone()).headers) == [("n", None), ("h", b"\xff")]


async def test_with_no_broker_it_gives_up_in_time_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "PUBLISH_TIMEOUT_S", 1.0)
    it = Publisher("127.0.0.1:1", "test")
    async with asyncio.timeout(20):
        with pytest.raises(PublishError, match="did not take 1 records"):
            await it.publish([outgoing("nowhere", "k", b"v")])
        await it.stop()


@pytest.mark.infra
async def test_who_waits_behind_a_stuck_call_gives_up_in_the_same_time(
    kafka_bootstrap: str, new_topic: NewTopicMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when the wait for the producer is outside the limit: a queue of requests would wait 20 s each, in turn."""
    monkeypatch.setattr(publisher, "PUBLISH_TIMEOUT_S", 1.0)
    monkeypatch.setattr(publisher, "STOP_TIMEOUT_S", 0.2)
    topic = await new_topic()
    it = Publisher(kafka_bootstrap, "test")

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as stuck:
        stuck.setattr(it, "_send", never)
        async with asyncio.timeout(10):
            waiting = [it.publish([outgoing(topic, "k", b"v")]) for _ in range(20)]
            answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(answer) for answer in answers} == {PublishError}
    await it.publish([outgoing(topic, "k", b"after")])
    assert await read(kafka_bootstrap, topic, 1) == [(0, b"k", b"after")]
    await it.stop()
