"""How far behind each consumer group is, asked of the broker itself: in records, and in seconds of the oldest of them.

A group that is configured but never committed, or has no member, is behind by everything there is. Never negative.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.topics import Topics

TIMEOUT_S: Final = 20.0
RECORD_WAIT_S: Final = 5.0
POLL_MS: Final = 200
COORDINATOR_WAIT_S: Final = 0.2


class KafkaUnreachableError(Exception):
    """Kafka does not answer, or does not have a topic that it should have."""


@dataclass(frozen=True, slots=True)
class Lag:
    """One partition of one group. `committed` is None where the group never committed; `seconds` None: not readable."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    records: int
    seconds: float | None


def groups(topics: Topics) -> dict[str, str]:
    """Return each configured consumer group and its topic."""
    return {
        f"{service}.{topic.name}": topic.name
        for topic in topics
        if not topic.dead_letters_of
        for service in topic.consumers
    }


async def measure(bootstrap: str, wanted: dict[str, str]) -> list[Lag]:
    """Return the lag of every partition of these groups, in the order given.

    Raises:
        KafkaUnreachableError: within 20 s there was no answer, or a topic is missing.

    """
    if not wanted:
        return []
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    # One byte a partition: the broker then gives just the first batch, which is all that its timestamp needs.
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, max_partition_fetch_bytes=1
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await admin.start()
            await reader.start()
            return await _measure(admin, reader, wanted)
    except (TimeoutError, KafkaError, OSError) as error:
        message = f"Kafka at {bootstrap} does not answer: {error!r}"
        raise KafkaUnreachableError(message) from error
    finally:
        await reader.stop()
        await admin.close()


async def _measure(admin: Any, reader: Any, wanted: dict[str, str]) -> list[Lag]:  # noqa: ANN401 - aiokafka is untyped
    partitions = await _partitions(admin, set(wanted.values()))
    places = [it for found in partitions.values() for it in found]
    begins: dict[TopicPartition, int] = await reader.beginning_offsets(places)
    committed = {group: await _commits(admin, group) for group in wanted}
    # The ends last: read before the commits, a group that works meanwhile would seem to be ahead of them.
    ends: dict[TopicPartition, int] = await reader.end_offsets(places)
    behind: list[tuple[str, TopicPartition, int | None, int]] = []
    for group, topic in wanted.items():
        for place in partitions[topic]:
            found = committed[group].get(place)
            offset = found.offset if found is not None and found.offset >= 0 else None
            behind.append((group, place, offset, max(begins[place], offset or 0)))
    ages = await _ages(reader, {(place, start) for _, place, _, start in behind if start < ends[place]})
    return [
        Lag(
            group=group,
            topic=place.topic,
            partition=place.partition,
            committed=offset,
            end=ends[place],
            records=max(0, ends[place] - start),
            seconds=ages.get((place, start)) if start < ends[place] else 0.0,
        )
        for group, place, offset, start in behind
    ]


async def _commits(admin: Any, group: str) -> dict[TopicPartition, Any]:  # noqa: ANN401 - aiokafka is untyped
    """Return what a group committed. A fresh broker has no coordinator until the first question has made it one."""
    while True:
        try:
            found: dict[TopicPartition, Any] = await admin.list_consumer_group_offsets(group)
        except KafkaError as error:
            if not error.retriable:
                raise
            await asyncio.sleep(COORDINATOR_WAIT_S)
        else:
            return found


async def _partitions(admin: Any, topics: set[str]) -> dict[str, list[TopicPartition]]:  # noqa: ANN401 - aiokafka is untyped
    found: dict[str, list[TopicPartition]] = {}
    for topic in await admin.describe_topics(sorted(topics)):
        if topic["error_code"]:
            message = f"Kafka has no topic {topic['topic']}"
            raise KafkaUnreachableError(message)
        numbers = sorted(it["partition"] for it in topic["partitions"])
        found[topic["topic"]] = [TopicPartition(topic["topic"], number) for number in numbers]
    return found


async def _ages(reader: Any, starts: set[tuple[TopicPartition, int]]) -> dict[tuple[TopicPartition, int], float]:  # noqa: ANN401 - aiokafka is untyped
    """Return the age in seconds of the first record at or after each offset.

    Groups that read one topic stand at different offsets of one partition, which a reader can only visit in turn.
    """
    ages: dict[tuple[TopicPartition, int], float] = {}
    left = set(starts)
    while left:
        turn = dict(left)
        left -= set(turn.items())
        for place, timestamp_ms in (await _first_timestamps(reader, turn)).items():
            ages[place, turn[place]] = max(0.0, time.time() - timestamp_ms / 1000)
    return ages


async def _first_timestamps(reader: Any, turn: dict[TopicPartition, int]) -> dict[TopicPartition, int]:  # noqa: ANN401 - aiokafka is untyped
    reader.assign(list(turn))
    for place, start in turn.items():
        reader.seek(place, start)
    found: dict[TopicPartition, int] = {}
    deadline = time.monotonic() + RECORD_WAIT_S
    while len(found) < len(turn) and time.monotonic() < deadline:
        waiting = [place for place in turn if place not in found]
        for place, records in (await reader.getmany(*waiting, timeout_ms=POLL_MS)).items():
            if records:
                found[place] = records[0].timestamp
                reader.pause(place)
    return found


def drained(lags: Iterable[Lag]) -> bool:
    """Return whether nothing is behind."""
    return all(it.records == 0 for it in lags)


def by_group(lags: Sequence[Lag]) -> list[dict[str, object]]:
    """Return each group with its records behind, and the age of its oldest."""
    found: dict[str, list[Lag]] = {}
    for it in lags:
        found.setdefault(it.group, []).append(it)
    return [
        {
            "group": group,
            "topic": parts[0].topic,
            "records": sum(it.records for it in parts),
            "seconds": max((it.seconds or 0.0 for it in parts), default=0.0),
            "never_committed": all(it.committed is None for it in parts),
        }
        for group, parts in found.items()
    ]
