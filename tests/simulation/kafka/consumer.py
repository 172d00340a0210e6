"""A consumer as aiokafka has it: a task that keeps its place in the group, and what the listener is told meanwhile."""

import asyncio
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, IllegalStateError, KafkaError
from tests.simulation.clock import OUTSIDE, Process
from tests.simulation.kafka.broker import Broker, Group, Joined, Member, Stored
from tests.simulation.weather import Weather

HEARTBEAT_S: Final = 3.0
TRY_AGAIN_S: Final = 0.1
_numbers = itertools.count(1)


class Listener(Protocol):
    """What is told of rebalances."""

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Before it joins again."""

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """When it has been given partitions."""


class Consumer:
    """One consumer of one topic in a group; it begins at the committed offset, else at the first record."""

    def __init__(
        self,
        broker: Broker,
        weather: Weather,
        topic: str,
        group: str,
        *,
        listener: Listener,
        process: Process | None = None,
        session_s: float = 15.0,
    ) -> None:
        self._broker = broker
        self._weather = weather
        self._topic = topic
        self._group: Group = broker.group(group, topic)
        self._listener = listener
        self._process = process
        self._session_s = session_s
        self._name = process.name if process is not None else f"member-{next(_numbers):06}"
        self._tries = itertools.count(1)
        self._member: Member | None = None
        self._generation = -1
        self._assignment: frozenset[TopicPartition] | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._joining = True
        self._assigned: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._summons = asyncio.Event()
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        if process is not None:
            process.deaths.append(self.fall_silent)
            process.stalls.append(self._stall)

    async def start(self) -> None:
        """Join the group; return when it has been given partitions, perhaps none."""
        self._task = asyncio.get_running_loop().create_task(self._keep_place())
        await asyncio.shield(self._assigned)

    async def stop(self) -> None:
        """Leave the group. The listener is not told."""
        self._closed = True
        self._broker.wake(self._topic)
        self._summons.set()
        if self._task is not None:
            await asyncio.wait([self._task])
        if self._member is not None:
            self._group.remove(self._member)

    async def getmany(
        self, *, timeout_ms: float = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Stored]]:
        """Return the next records of every partition that is not paused; nothing when none came in time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_ms / 1000
        while True:
            if self._closed:
                raise ConsumerStoppedError
            if self._joining:
                await asyncio.shield(self._assigned)
            found = self._drain(max_records)
            if found or loop.time() >= until:
                return found
            waiting = self._broker.wait(self._topic)
            await asyncio.wait([waiting], timeout=None if until == math.inf else until - loop.time())
            await self._weather.step(self._process, "fetch", f"{self._topic}.fetch")

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit offsets.

        Raises:
            IllegalStateError: of a partition that is not assigned.
            CommitFailedError: the group has formed anew without this consumer.

        """
        self._check_assigned(offsets)
        while True:
            fault = await self._weather.step(self._process, "ack", f"{self._topic}.commit")
            if fault in {"lost", "away"} or self._broker.away:
                await self._weather.pause(TRY_AGAIN_S)  # aiokafka sends it again for as long as that takes
                continue
            self._commit(offsets)
            if fault == "crash_after":
                await self._weather.die(self._process)
            if fault == "unanswered":
                await self._weather.pause(TRY_AGAIN_S)
                continue
            return

    async def committed(self, place: TopicPartition) -> int | None:
        """Return the committed offset; None when there is none."""
        await self._weather.step(self._process, "fetch", f"{self._topic}.committed")
        return self._group.offsets.get(place)

    def assignment(self) -> set[TopicPartition]:
        """Return the partitions that it was given last."""
        return set(self._assignment or ())

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on from an offset."""
        self._check_assigned([place])
        self._positions[place] = offset
        self._broker.wake(self._topic)

    async def seek_to_beginning(self, place: TopicPartition) -> None:
        """Go on from the first record."""
        self.seek(place, 0)

    def pause(self, *places: TopicPartition) -> None:
        """Fetch nothing of these."""
        self._check_assigned(places)
        self._paused.update(places)

    def paused(self) -> set[TopicPartition]:
        """Return what is paused."""
        return set(self._paused)

    def resume(self, *places: TopicPartition) -> None:
        """Fetch of these again."""
        self._check_assigned(places)
        self._paused.difference_update(places)
        self._broker.wake(self._topic)

    def lose_group(self, seconds: float) -> None:
        """Cut it off from the group, not from the records: it is given up, and hears of it so much later."""
        if self._member is not None and not self._joining:
            loop = asyncio.get_running_loop()
            member, self._member = self._member, None
            member.expelled = lambda: None
            member.summoned = lambda: None
            loop.call_later(max(seconds, self._session_s), self._heartbeat, context=OUTSIDE)
            loop.call_later(self._session_s, self._group.remove, member, context=OUTSIDE)

    def fall_silent(self) -> None:
        """Send no heartbeat any more: the group gives it up when its session is over."""
        if self._member is not None:
            self._silence(self._weather.later(self._session_s - HEARTBEAT_S, self._session_s))

    async def _keep_place(self) -> None:
        while not self._closed:
            self._joining = True
            if self._assigned.done():
                self._assigned = asyncio.get_running_loop().create_future()
            await self._listener.on_partitions_revoked(sorted(self.assignment()))
            try:
                joined = await self._join()
            except KafkaError:
                await self._weather.pause(TRY_AGAIN_S)
                continue
            self._generation, self._assignment = joined
            self._positions.clear()
            self._paused.clear()
            self._joining = False
            self._assigned.set_result(None)
            self._broker.wake(self._topic)
            silent = self._silence(self._session_s)  # no heartbeat is sent while the listener is at work
            await self._listener.on_partitions_assigned(sorted(joined.partitions))
            silent.cancel()
            await self._summons.wait()

    async def _join(self) -> Joined:
        while self._broker.away:
            await self._weather.pause(TRY_AGAIN_S)
        await self._weather.step(self._process, "fetch", f"{self._topic}.join")
        self._summons.clear()
        if self._member is None:
            name = f"{self._name}-{next(self._tries)}"
            self._member = Member(name, summoned=self._hear, expelled=self._expelled)
        return await self._group.join(self._member)

    def _hear(self) -> None:
        delay = self._weather.later(0.0, HEARTBEAT_S)
        asyncio.get_running_loop().call_later(delay, self._heartbeat, context=OUTSIDE)

    def _heartbeat(self) -> None:
        if self._member is None or self._group.awaits(self._member):
            self._summons.set()

    def _expelled(self) -> None:
        self._member = None
        self._generation = -1
        self._hear()

    def _silence(self, seconds: float) -> asyncio.TimerHandle:
        member = self._member
        loop = asyncio.get_running_loop()

        def end() -> None:
            if member is not None:
                self._group.remove(member)

        return loop.call_later(seconds, end, context=OUTSIDE)

    def _stall(self, seconds: float) -> None:
        if seconds > self._session_s and not self._joining:
            self.fall_silent()

    def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        name = self._member.name if self._member is not None else ""
        try:
            self._group.commit(name, self._generation, offsets)
        except KafkaError as error:
            raise CommitFailedError from error

    def _check_assigned(self, places: Sequence[TopicPartition] | Mapping[TopicPartition, int]) -> None:
        for place in places:
            if self._assignment is None or place not in self._assignment:
                message = f"Partition {place} is not assigned"
                raise IllegalStateError(message)

    def _drain(self, max_records: int | None) -> dict[TopicPartition, list[Stored]]:
        found: dict[TopicPartition, list[Stored]] = {}
        if self._broker.away:
            return found
        left = max_records
        for place in sorted(self._assignment or ()):
            if place in self._paused or left == 0:
                continue
            log = self._broker.logs[place.topic][place.partition]
            first = self._positions.get(place)
            if first is None:
                first = self._group.offsets.get(place, 0)
            records = log[first : len(log) if left is None else first + left]
            if records:
                found[place] = records
                self._positions[place] = first + len(records)
                left = None if left is None else left - len(records)
        return found
