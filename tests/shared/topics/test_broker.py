"""Topics on a real Kafka: applied once, applied again, and refused where applying would move keys."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared import topics
from shared.topics import Topic, Topics, TopicsError

pytestmark = pytest.mark.infra


def stated(**changes: Any) -> Topic:  # noqa: ANN401 - any field of a topic
    fields: dict[str, Any] = {
        "key": "<marketplace>/<order_id>",
        "owner": "payments",
        "publishers": ("payments",),
        "consumers": ("split",),
        "partitions": 3,
        "replication_factor": 1,
        "config": {"retention.ms": "86400000", "message.timestamp.type": "LogAppendTime"},
    }
    return Topic(**(fields | changes))


@pytest.fixture
async def admin(kafka_bootstrap: str) -> AsyncIterator[Any]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await client.start()
    yield client
    await client.close()


@pytest.fixture
async def name(admin: Any) -> AsyncIterator[str]:  # noqa: ANN401 - aiokafka is untyped
    name = f"topics-{uuid.uuid4().hex[:12]}"
    yield name
    await admin.delete_topics([name])


async def test_a_missing_topic_is_named_then_created_then_right(kafka_bootstrap: str, name: str) -> None:
    wanted = Topics([stated(name=name)])
    with pytest.raises(TopicsError, match=f"{name}: is missing"):
        await topics.check(wanted, kafka_bootstrap)
    assert await topics.apply(wanted, kafka_bootstrap) == [f"{name}: created"]
    await topics.check(wanted, kafka_bootstrap)
    assert await topics.apply(wanted, kafka_bootstrap) == []


async def test_a_setting_is_mended_and_one_of_the_operators_is_kept(
    kafka_bootstrap: str,
    name: str,
    admin: Any,  # noqa: ANN401 - aiokafka is untyped
) -> None:
    operators = {"retention.ms": "86400000", "segment.ms": "3600000"}
    await topics.apply(Topics([stated(name=name, config=operators)]), kafka_bootstrap)
    wanted = Topics([stated(name=name, config={"retention.ms": "172800000"})])
    difference = f"{name}: retention.ms is 86400000, stated is 172800000"
    with pytest.raises(TopicsError, match=difference):
        await topics.check(wanted, kafka_bootstrap)
    assert await topics.apply(wanted, kafka_bootstrap) == [difference]
    await topics.check(wanted, kafka_bootstrap)
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    assert {key: value for key, value, *_ in answers[0].resources[0][4]}["segment.ms"] == "3600000"


@pytest.mark.parametrize("partitions", [2, 4])
async def test_other_partitions_are_refused_and_nothing_is_changed(
    kafka_bootstrap: str, name: str, partitions: int
) -> None:
    await topics.apply(Topics([stated(name=name)]), kafka_bootstrap)
    wanted = Topics(
        [stated(name=name, partitions=partitions, config={"retention.ms": "1000"}), stated(name=f"{name}-new")]
    )
    for ask in (topics.check, topics.apply):
        with pytest.raises(TopicsError, match=f"{name}: has 3 partitions, stated are {partitions}"):
            await ask(wanted, kafka_bootstrap)
    await topics.check(Topics([stated(name=name)]), kafka_bootstrap)
    with pytest.raises(TopicsError, match=f"{name}-new: is missing"):
        await topics.check(wanted, kafka_bootstrap)


async def test_fewer_replicas_than_stated_are_refused(kafka_bootstrap: str, name: str) -> None:
    await topics.apply(Topics([stated(name=name)]), kafka_bootstrap)
    with pytest.raises(TopicsError, match=f"{name}: has 1 replicas, stated are 3"):
        await topics.check(Topics([stated(name=name, replication_factor=3)]), kafka_bootstrap)


async def test_what_the_broker_refuses_is_told(kafka_bootstrap: str, name: str, admin: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
    await topics.apply(Topics([stated(name=name)]), kafka_bootstrap)
    with pytest.raises(TopicsError, match=f"{name}: InvalidConfigurationError"):
        await topics.apply(Topics([stated(name=name, config={"retention.ms": "never"})]), kafka_bootstrap)
    other = f"{name}-other"
    with pytest.raises(TopicsError, match=f"{other}: InvalidReplicationFactorError"):
        await topics.apply(Topics([stated(name=other, replication_factor=9)]), kafka_bootstrap)
    assert other not in await admin.list_topics()


async def test_two_jobs_may_apply_at_once(kafka_bootstrap: str, name: str) -> None:
    wanted = Topics([stated(name=name)])
    await asyncio.gather(*(topics.apply(wanted, kafka_bootstrap) for _ in range(4)))
    await topics.check(wanted, kafka_bootstrap)


async def test_a_broker_that_is_not_there_is_told_with_its_address(unused_tcp_port: int) -> None:
    with pytest.raises(TopicsError, match=f"Kafka at 127.0.0.1:{unused_tcp_port} did not answer"):
        await topics.check(Topics([stated(name="x")]), f"127.0.0.1:{unused_tcp_port}")
