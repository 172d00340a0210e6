"""How far behind groups are, on a real Kafka."""

import asyncio
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.conftest import NewTopicMaker

from ops.lag import KafkaUnreachableError, by_group, drained, measure

pytestmark = pytest.mark.infra


async def publish(bootstrap: str, topic: str, count: int, partition: int = 0) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number in range(count):
            await producer.send_and_wait(topic, str(number).encode(), partition=partition)


async def commit(bootstrap: str, group: str, topic: str, offset: int) -> None:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.commit({TopicPartition(topic, 0): offset})


async def test_a_group_is_behind_by_what_it_has_not_committed(kafka_bootstrap: str, new_topic: NewTopicMaker) -> None:
    topic, group = await new_topic("orders", partitions=2), f"g-{uuid.uuid4().hex}"
    await publish(kafka_bootstrap, topic, 5)
    await commit(kafka_bootstrap, group, topic, 3)
    behind, idle = await measure(kafka_bootstrap, {group: topic})
    assert (behind.partition, behind.committed, behind.end, behind.records) == (0, 3, 5, 2)
    assert (idle.partition, idle.committed, idle.records, idle.seconds) == (1, None, 0, 0.0)
    assert behind.seconds is not None
    assert behind.seconds >= 0


async def test_seconds_are_the_age_of_the_oldest_record_not_taken(
    kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    topic, group = await new_topic("orders"), f"g-{uuid.uuid4().hex}"
    await publish(kafka_bootstrap, topic, 1)
    await asyncio.sleep(0.5)
    await publish(kafka_bootstrap, topic, 1)
    first, second = f"{group}-1", f"{group}-2"
    await commit(kafka_bootstrap, second, topic, 1)
    ages = {it.group: it.seconds or 0.0 for it in await measure(kafka_bootstrap, {first: topic, second: topic})}
    assert ages[first] - ages[second] > 0.3


async def test_a_group_that_never_committed_is_behind_by_everything(
    kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    topic = await new_topic("orders")
    await publish(kafka_bootstrap, topic, 4)
    found = await measure(kafka_bootstrap, {"nobody": topic})
    (row,) = by_group(found)
    assert (row["records"], row["never_committed"]) == (4, True)
    assert not drained(found)


async def test_a_group_that_is_through_has_no_lag(kafka_bootstrap: str, new_topic: NewTopicMaker) -> None:
    topic, group = await new_topic("orders"), f"g-{uuid.uuid4().hex}"
    await publish(kafka_bootstrap, topic, 4)
    await commit(kafka_bootstrap, group, topic, 4)
    found = await measure(kafka_bootstrap, {group: topic})
    assert drained(found)
    assert by_group(found)[0]["seconds"] == 0.0


async def test_a_commit_beyond_the_end_is_no_negative_lag(kafka_bootstrap: str, new_topic: NewTopicMaker) -> None:
    topic, group = await new_topic("orders"), f"g-{uuid.uuid4().hex}"
    await publish(kafka_bootstrap, topic, 1)
    await commit(kafka_bootstrap, group, topic, 9)
    (found,) = await measure(kafka_bootstrap, {group: topic})
    assert (found.records, found.seconds) == (0, 0.0)


async def test_a_topic_that_is_missing_is_named(kafka_bootstrap: str) -> None:
    with pytest.raises(KafkaUnreachableError, match="no-such-topic"):
        await measure(kafka_bootstrap, {"g": "no-such-topic"})


async def test_a_broker_that_does_not_answer_is_named() -> None:
    with pytest.raises(KafkaUnreachableError, match=r"127\.0\.0\.1:1"):
        await measure("127.0.0.1:1", {"g": "orders"})
