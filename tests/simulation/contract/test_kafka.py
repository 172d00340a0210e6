"""Consumers and producers: what the kit relies on, asked of the real Kafka and of the one in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError, ProducerClosed
from tests.simulation.contract.conftest import MEMORY, REAL
from tests.simulation.contract.kafkas import SESSION_S, Heard, Kafka, MemoryKafka, RealKafka, drained, send, until


@pytest.fixture(params=[MEMORY, pytest.param(REAL, marks=pytest.mark.infra)])
def kafka(request: pytest.FixtureRequest) -> Kafka:
    if request.param == MEMORY:
        return MemoryKafka()
    return RealKafka(request.getfixturevalue("kafka_bootstrap"), request.getfixturevalue("new_topic"))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def started(stack: AsyncExitStack, consumer: Any) -> Any:  # noqa: ANN401 - of either
    await consumer.start()
    stack.push_async_callback(consumer.stop)
    return consumer


async def test_records_come_in_order_with_all_that_was_sent(kafka: Kafka, stack: AsyncExitStack) -> None:
    topic = await kafka.topic()
    await send(kafka, topic, "a", "b", "c")
    consumer = await started(stack, kafka.consumer(topic, "g", Heard()))
    [records] = (await consumer.getmany(timeout_ms=5_000)).values()
    assert [(it.topic, it.partition, it.offset, it.key, it.value) for it in records] == [
        (topic, 0, number, b"k", value) for number, value in enumerate((b"a", b"b", b"c"))
    ]
    assert {tuple(it.headers) for it in records} == {(("h", None), ("i", b"\xff"))}
    assert all(it.timestamp > 1_600_000_000_000 for it in records)
    assert await consumer.getmany(timeout_ms=100) == {}


async def test_a_fetch_has_at_most_so_many_records_over_all_partitions(kafka: Kafka, stack: AsyncExitStack) -> None:
    topic = await kafka.topic(2)
    for partition in (0, 1):
        await send(kafka, topic, *"abc", partition=partition)
    consumer = await started(stack, kafka.consumer(topic, "g", Heard()))
    sizes: list[int] = []
    while sum(sizes) < 6:
        sizes.append(sum(map(len, (await consumer.getmany(timeout_ms=2_000, max_records=2)).values())))
    assert max(sizes) <= 2


async def test_a_group_goes_on_where_it_committed_and_else_from_the_first_record(
    kafka: Kafka, stack: AsyncExitStack
) -> None:
    topic = await kafka.topic(2)
    await send(kafka, topic, *"abc")
    await send(kafka, topic, *"xyz", partition=1)
    first = kafka.consumer(topic, "g", Heard())
    await first.start()
    assert await drained(first, 6) == {0: ["a", "b", "c"], 1: ["x", "y", "z"]}
    place = TopicPartition(topic, 0)
    await first.commit({place: 2})
    assert (await first.committed(place), await first.committed(TopicPartition(topic, 1))) == (2, None)
    await first.stop()
    second = await started(stack, kafka.consumer(topic, "g", Heard()))
    assert await drained(second, 4) == {0: ["c"], 1: ["x", "y", "z"]}
    other = await started(stack, kafka.consumer(topic, "another", Heard()))
    assert sum(map(len, (await drained(other, 6)).values())) == 6


async def test_an_offset_may_be_committed_backwards(kafka: Kafka, stack: AsyncExitStack) -> None:
    """So a consumer that was slow may take back what its successor has committed: only repeats come of it."""
    topic = await kafka.topic()
    consumer = await started(stack, kafka.consumer(topic, "g", Heard()))
    place = TopicPartition(topic, 0)
    await consumer.commit({place: 5})
    await consumer.commit({place: 2})
    assert await consumer.committed(place) == 2


async def test_a_seek_goes_back_and_a_pause_holds(kafka: Kafka, stack: AsyncExitStack) -> None:
    topic = await kafka.topic(2)
    for partition in (0, 1):
        await send(kafka, topic, *"abc", partition=partition)
    consumer = await started(stack, kafka.consumer(topic, "g", Heard()))
    await drained(consumer, 6)
    zero, one = TopicPartition(topic, 0), TopicPartition(topic, 1)
    consumer.seek(zero, 1)
    assert await drained(consumer, 2) == {0: ["b", "c"]}
    consumer.pause(zero)
    assert consumer.paused() == {zero}
    await send(kafka, topic, "d")
    await send(kafka, topic, "d", partition=1)
    assert await drained(consumer, 1) == {1: ["d"]}
    consumer.resume(zero)
    assert await drained(consumer, 1) == {0: ["d"]}
    await consumer.seek_to_beginning(one)
    assert await drained(consumer, 4) == {1: ["a", "b", "c", "d"]}


async def test_what_is_not_assigned_can_be_neither_committed_nor_sought(kafka: Kafka, stack: AsyncExitStack) -> None:
    topic = await kafka.topic()
    consumer = await started(stack, kafka.consumer(topic, "g", Heard()))
    stranger = TopicPartition(topic, 7)
    with pytest.raises(IllegalStateError):
        await consumer.commit({stranger: 1})
    with pytest.raises(IllegalStateError):
        consumer.seek(stranger, 0)


async def test_a_stopped_consumer_says_so(kafka: Kafka) -> None:
    topic = await kafka.topic()
    consumer = kafka.consumer(topic, "g", Heard())
    await consumer.start()
    waiting = asyncio.ensure_future(consumer.getmany(timeout_ms=20_000))
    await asyncio.sleep(0.1)
    await consumer.stop()
    answer = (await asyncio.gather(waiting, return_exceptions=True))[0]
    assert answer == {} or isinstance(answer, ConsumerStoppedError)
    with pytest.raises(ConsumerStoppedError):
        await consumer.getmany(timeout_ms=10)


async def test_a_group_shares_its_partitions_out_and_tells_before_and_after(
    kafka: Kafka, stack: AsyncExitStack
) -> None:
    topic = await kafka.topic(3)
    heard, other = Heard(), Heard()
    first = await started(stack, kafka.consumer(topic, "g", heard))
    await until(lambda: heard.calls == [("revoked", []), ("assigned", [0, 1, 2])])
    second = kafka.consumer(topic, "g", other)
    await second.start()
    await until(lambda: len(other.calls) == 2 and len(heard.calls) == 4)
    assert heard.calls[2] == ("revoked", [0, 1, 2])
    shares = [calls[-1][1] for calls in (heard.calls, other.calls)]
    assert sorted(map(tuple, shares)) == [(0, 2), (1,)]
    assert {it.partition for it in first.assignment()} == set(shares[0])
    await second.stop()
    await until(lambda: len(heard.calls) == 6)
    assert heard.calls[-1] == ("assigned", [0, 1, 2])
    assert len(other.calls) == 2  # a consumer that stops is told nothing


async def test_who_joins_waits_until_the_others_have_let_go(kafka: Kafka, stack: AsyncExitStack) -> None:
    topic = await kafka.topic(2)
    gate = asyncio.Event()
    gate.set()
    heard, other = Heard(gate.wait), Heard()
    first = await started(stack, kafka.consumer(topic, "g", heard))
    await send(kafka, topic, *"abc")
    await drained(first, 3)
    gate.clear()
    second = kafka.consumer(topic, "g", other)
    joining = asyncio.ensure_future(started(stack, second))
    await until(lambda: heard.calls[-1] == ("revoked", [0, 1]))
    fetching = asyncio.ensure_future(first.getmany(timeout_ms=200))
    await first.commit({TopicPartition(topic, 0): 2})  # it is still of the generation that is in force
    await asyncio.sleep(1)
    assert other.calls in ([], [("revoked", [])])
    assert not fetching.done()  # nothing is returned that may be another's soon
    gate.set()
    await joining
    await until(lambda: other.calls[-1][0] == "assigned" and heard.calls[-1][0] == "assigned")
    fetched = [it.value for records in (await fetching).values() for it in records]
    [owner] = [it for it in (first, second) if TopicPartition(topic, 0) in it.assignment()]
    assert fetched == [b"c"] or await drained(owner, 1) == {0: ["c"]}


async def test_who_does_not_let_go_in_time_is_left_out_and_cannot_commit(kafka: Kafka, stack: AsyncExitStack) -> None:
    """Two owners at once: the old one goes on with what it has in hand, and learns of it by its commit."""
    topic = await kafka.topic()
    gate = asyncio.Event()
    gate.set()
    heard, other = Heard(gate.wait), Heard()
    first = await started(stack, kafka.consumer(topic, "g", heard, rebalance_s=2.0))
    await send(kafka, topic, *"abc")
    await drained(first, 3)
    gate.clear()
    second = await started(stack, kafka.consumer(topic, "g", other, rebalance_s=2.0))
    await until(lambda: other.calls[-1] == ("assigned", [0]))
    assert await drained(second, 3) == {0: ["a", "b", "c"]}
    with pytest.raises(CommitFailedError):
        await first.commit({TopicPartition(topic, 0): 3})
    await second.commit({TopicPartition(topic, 0): 1})
    gate.set()
    await until(lambda: heard.calls[-1][0] == "assigned" and len(heard.calls) > 3)
    assert sorted(len(it.assignment()) for it in (first, second)) == [0, 1]


async def test_the_partitions_of_a_dead_consumer_are_given_away_when_its_session_is_over(
    kafka: Kafka, stack: AsyncExitStack
) -> None:
    topic = await kafka.topic()
    loop = asyncio.get_running_loop()
    async with kafka.dead(topic, "g"):
        since = loop.time()
        heard = Heard()
        await started(stack, kafka.consumer(topic, "g", heard))
        await until(lambda: heard.calls[-1] == ("assigned", [0]))
        assert SESSION_S / 3 < loop.time() - since < SESSION_S * 2


async def test_batches_of_a_partition_keep_their_order_and_one_takes_what_fits(
    kafka: Kafka, stack: AsyncExitStack
) -> None:
    topic = await kafka.topic(2)
    producer = kafka.producer()
    await producer.start()
    assert await producer.partitions_for(topic) == {0, 1}
    batches = []
    for number in range(3):
        batch = producer.create_batch()
        while batch.append(key=b"k", value=f"{number}".encode() * 200, timestamp=None, headers=[]) is not None:
            pass
        batches.append(batch)
        assert 2 <= batch.record_count() <= 5
    large = producer.create_batch()
    assert large.append(key=b"k", value=b"x" * 5_000, timestamp=None, headers=[]) is not None
    sent = [await producer.send_batch(it, topic, partition=1) for it in [*batches, large]]
    await asyncio.gather(*sent)
    await producer.stop()
    consumer = await started(stack, kafka.consumer(topic, "g", Heard()))
    count = sum(it.record_count() for it in batches) + 1
    found = (await drained(consumer, count))[1]
    assert [it[0] for it in found] == [*sorted(it[0] for it in found[:-1]), "x"]
    with pytest.raises(ProducerClosed):
        await producer.send_batch(producer.create_batch(), topic, partition=0)


async def test_a_topic_that_is_not_there_is_an_error(kafka: Kafka) -> None:
    producer = kafka.producer()
    await producer.start()
    try:
        with pytest.raises((KafkaError, TimeoutError)):
            await asyncio.wait_for(producer.partitions_for("no-such-topic"), 3)
    finally:
        await producer.stop()
