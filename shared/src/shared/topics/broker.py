"""Holds a broker to the stated topics: creates what is missing, mends settings, refuses what would move keys."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.topics.stated import Topic, Topics, TopicsError

BROKER_TIMEOUT_S: Final = 30.0
POLL_INTERVAL_S: Final = 0.1
_SET_ON_THE_TOPIC: Final = 1
"""Kafka's config_source of a value that stands on the topic itself; others come from the broker."""


@dataclass(frozen=True, slots=True)
class Found:
    """One topic as it stands on a broker: effective settings, and those of them that were set on the topic itself."""

    partitions: int
    replication_factor: int
    config: dict[str, str]
    set_here: dict[str, str]


async def check(topics: Topics, bootstrap: str) -> None:
    """Return when every topic stands as stated. More replicas than stated are welcome.

    Raises:
        TopicsError: one line for each difference, or why the broker could not be asked.

    """
    async with _admin(bootstrap) as admin:
        found = await _look(admin, topics)
    differences = [line for topic in topics for line in (*fixed(topic, found), *settings(topic, found))]
    if differences:
        raise TopicsError("Kafka topics differ from the file; apply it:\n  " + "\n  ".join(differences))


async def apply(topics: Topics, bootstrap: str) -> list[str]:
    """Create what is missing and mend settings; return one line for each change. Applied twice, it changes nothing.

    Raises:
        TopicsError: a topic has other partitions or fewer replicas than stated (nothing is changed then), the broker
            refused a change, or could not be asked.

    """
    async with _admin(bootstrap) as admin:
        found = await _look(admin, topics)
        immovable = [line for topic in topics if topic.name in found for line in fixed(topic, found)]
        if immovable:
            raise TopicsError("Kafka topics cannot be changed in place:\n  " + "\n  ".join(immovable))
        missing = [topic for topic in topics if topic.name not in found]
        await _create(admin, missing)
        mended = [topic for topic in topics if topic.name in found and settings(topic, found)]
        await _mend(admin, mended, found)
        lines = [f"{topic.name}: created" for topic in missing]
        lines += [line for topic in mended for line in settings(topic, found)]
        await _await_topics(admin, topics)
    return lines


def fixed(topic: Topic, found: dict[str, Found]) -> list[str]:
    """Return how a topic differs in what is never changed in place."""
    it = found.get(topic.name)
    if it is None:
        return [f"{topic.name}: is missing"]
    lines = []
    if it.partitions != topic.partitions:
        lines.append(f"{topic.name}: has {it.partitions} partitions, stated are {topic.partitions} (keys would move)")
    if it.replication_factor < topic.replication_factor:
        lines.append(f"{topic.name}: has {it.replication_factor} replicas, stated are {topic.replication_factor}")
    return lines


def settings(topic: Topic, found: dict[str, Found]) -> list[str]:
    """Return the settings in which a topic differs from what is stated. What is not stated is the operator's."""
    it = found.get(topic.name)
    return (
        [
            f"{topic.name}: {name} is {it.config.get(name)}, stated is {value}"
            for name, value in topic.config.items()
            if it is not None and it.config.get(name) != value
        ]
        if it
        else []
    )


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    """Give an admin client of a broker, for at most 30 s."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(BROKER_TIMEOUT_S * 1000))
    try:
        async with asyncio.timeout(BROKER_TIMEOUT_S):
            await admin.start()
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        message = f"Kafka at {bootstrap} did not answer: {error!r}"
        raise TopicsError(message) from error
    finally:
        await admin.close()


async def _look(admin: Any, topics: Iterable[Topic]) -> dict[str, Found]:  # noqa: ANN401 - aiokafka is untyped
    # All topics are listed, because asking for one by name may create it.
    names = {topic.name for topic in topics}
    listed = {it["topic"]: it["partitions"] for it in await admin.describe_topics() if it["topic"] in names}
    if not listed:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in listed]
    found = {}
    for answer in await admin.describe_configs(resources):
        for code, message, _, name, entries in answer.resources:
            _refuse([(name, code, message)])
            found[name] = Found(
                partitions=len(listed[name]),
                replication_factor=min(len(partition["replicas"]) for partition in listed[name]),
                config={key: value for key, value, *_ in entries},
                set_here={key: value for key, value, _, source, *_ in entries if source == _SET_ON_THE_TOPIC},
            )
    return found


async def _create(admin: Any, missing: list[Topic]) -> None:  # noqa: ANN401 - aiokafka is untyped
    if not missing:
        return
    answer = await admin.create_topics(
        [
            NewTopic(
                it.name, num_partitions=it.partitions, replication_factor=it.replication_factor, topic_configs=it.config
            )
            for it in missing
        ],
        timeout_ms=int(BROKER_TIMEOUT_S * 1000),
    )
    # Two jobs may run at once; the other's topic is as good as ours, and is looked at below.
    _refuse(it for it in answer.topic_errors if it[1] != TopicAlreadyExistsError.errno)


async def _mend(admin: Any, mended: list[Topic], found: dict[str, Found]) -> None:  # noqa: ANN401 - aiokafka is untyped
    if not mended:
        return
    # This request replaces all settings of a topic, so those an operator has set beside ours are sent along.
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, it.name, configs={**found[it.name].set_here, **it.config})
        for it in mended
    ]
    for answer in await admin.alter_configs(resources):
        _refuse((name, code, why) for code, why, _, name in answer.resources)


def _refuse(answers: Iterable[tuple[str, int, str | None]]) -> None:
    refused = [f"{name}: {for_code(code).__name__}: {why}" for name, code, why in answers if code]
    if refused:
        raise TopicsError("Kafka refused:\n  " + "\n  ".join(refused))


async def _await_topics(admin: Any, topics: Topics) -> None:  # noqa: ANN401 - aiokafka is untyped
    """Wait until the broker shows what its controller has accepted; the caller's 30 s are the limit."""
    while True:
        found = await _look(admin, topics)
        if not any((*fixed(topic, found), *settings(topic, found)) for topic in topics):
            return
        await asyncio.sleep(POLL_INTERVAL_S)
