"""Looks at Kafka from outside: where two groups stand on a topic, and the records that they have passed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from tests.bench.timeline import Settled

READ_TIMEOUT_S: Final = 60.0
POLL_MS: Final = 500


class Offsets:
    """The committed offsets of some groups on one topic."""

    def __init__(self, admin: Any, reader: Any, places: list[TopicPartition], groups: Sequence[str]) -> None:  # noqa: ANN401 - aiokafka is untyped
        """Use `opened` to make one."""
        self.places = places
        self._admin = admin
        self._reader = reader
        self._groups = groups
        self._coordinators: dict[str, int] = {}

    async def ends(self) -> list[int]:
        """Return the end of each partition."""
        found = await self._reader.end_offsets(self.places)
        return [found[place] for place in self.places]

    async def committed(self, begin: Sequence[int]) -> list[int]:
        """Return of each partition how far every group is; `begin` where one never committed."""
        lowest: list[int] | None = None
        for group in self._groups:
            coordinator = self._coordinators.get(group)
            if coordinator is None:  # known for good: there is one broker
                coordinator = self._coordinators[group] = await self._admin.find_coordinator(group)
            found = await self._admin.list_consumer_group_offsets(group, coordinator)
            stands = [
                max(found[place].offset, start) if place in found else start
                for place, start in zip(self.places, begin, strict=True)
            ]
            lowest = stands if lowest is None else [min(pair) for pair in zip(lowest, stands, strict=True)]
        return lowest or list(begin)

    async def read(self, begin: Sequence[int], ends: Sequence[int]) -> list[Settled]:
        """Return the records between two ends, with the moment that `ce_origintime` gives."""
        left = {place: end for place, start, end in zip(self.places, begin, ends, strict=True) if start < end}
        self._reader.assign(list(left))
        for place, start in zip(self.places, begin, strict=True):
            if place in left:
                self._reader.seek(place, start)
        found: list[Settled] = []
        async with asyncio.timeout(READ_TIMEOUT_S):
            while left:
                for place, records in (await self._reader.getmany(timeout_ms=POLL_MS)).items():
                    found.extend(_settled(it) for it in records if it.offset < left.get(place, 0))
                    if place in left and records[-1].offset + 1 >= left[place]:
                        self._reader.pause(place)
                        del left[place]
        return found


@asynccontextmanager
async def opened(bootstrap: str, topic: str, groups: Sequence[str]) -> AsyncIterator[Offsets]:
    """Hold the connections."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    # Without a topic until `read`: what it fetched meanwhile would cost the services their CPU.
    reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    await admin.start()
    await reader.start()
    try:
        (described,) = await admin.describe_topics([topic])
        numbers = sorted(it["partition"] for it in described["partitions"])
        yield Offsets(admin, reader, [TopicPartition(topic, number) for number in numbers], groups)
    finally:
        await reader.stop()
        await admin.close()


def _settled(record: Any) -> Settled:  # noqa: ANN401 - aiokafka is untyped
    times = [value for name, value in record.headers if name == "ce_origintime"]
    order = int(record.key.rpartition(b"/")[2])
    return Settled(record.partition, record.offset, order, datetime.fromisoformat(times[0].decode()).timestamp())
