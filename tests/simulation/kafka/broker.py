"""The broker's side of Kafka in memory: logs of records, consumer groups with generations, committed offsets."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import IllegalGenerationError, KafkaError, UnknownMemberIdError
from tests.simulation.clock import OUTSIDE

INITIAL: Final = -1


class Stored(NamedTuple):
    """A record as it stands in a log; named as aiokafka names the parts of one that it reads."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Sent(NamedTuple):
    """A record on its way."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class Joined(NamedTuple):
    """What a member is told when its group has formed anew."""

    generation: int
    partitions: frozenset[TopicPartition]


@dataclass(eq=False)
class Member:
    """A consumer as its group knows it."""

    name: str
    summoned: Callable[[], None]
    """Called when the group forms anew; the member hears of it with its next heartbeat."""
    expelled: Callable[[], None]
    """Called when the group has given it up; the member hears of it with its next heartbeat."""
    answer: asyncio.Future[Joined] | None = None
    """Open while it waits for the group to form."""


@dataclass(eq=False)
class Group:
    """One consumer group of one topic."""

    topic: str
    partitions: int
    rebalance_s: float
    loop: asyncio.AbstractEventLoop
    generation: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    owners: dict[str, frozenset[TopicPartition]] = field(default_factory=dict)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    acknowledged: Callable[[Mapping[TopicPartition, int]], None] = lambda _: None
    _deadline: asyncio.TimerHandle | None = None

    def join(self, member: Member) -> asyncio.Future[Joined]:
        """Take a member in, or in again; answered when all have come or the patience with them has ended."""
        self.members[member.name] = member
        answer = member.answer = self.loop.create_future()
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.rebalance_s, self._form, context=OUTSIDE)
            for other in self.members.values():
                if other is not member:
                    other.summoned()
        self._form_if_all_are_here()
        return answer

    def awaits(self, member: Member) -> bool:
        """Tell whether the group forms anew and this member has not come yet."""
        return self._deadline is not None and member.answer is None

    def remove(self, member: Member) -> None:
        """Give a member up, because it left or was not heard of."""
        if self.members.get(member.name) is not member:
            return
        del self.members[member.name]
        member.expelled()
        if member.answer is not None and not member.answer.done():
            member.answer.set_exception(UnknownMemberIdError())
            member.answer.exception()  # if the member is dead, nobody looks at it
        if self._deadline is not None:
            self._form_if_all_are_here()
        elif self.members:
            self._deadline = self.loop.call_later(self.rebalance_s, self._form, context=OUTSIDE)
            for other in self.members.values():
                other.summoned()

    def commit(self, name: str, generation: int, offsets: Mapping[TopicPartition, int]) -> None:
        """Keep offsets, of a member of the generation that is in force.

        Raises:
            UnknownMemberIdError, IllegalGenerationError: it is not, or no more.

        """
        if name not in self.members:
            raise UnknownMemberIdError
        if generation != self.generation:
            raise IllegalGenerationError
        self.offsets.update(offsets)
        self.acknowledged(offsets)

    def _form_if_all_are_here(self) -> None:
        if all(member.answer is not None and not member.answer.done() for member in self.members.values()):
            self._form()

    def _form(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        here = {name: it for name, it in self.members.items() if it.answer is not None and not it.answer.done()}
        for name, late in [*self.members.items()]:
            if name not in here:
                del self.members[name]
                late.expelled()
        self.generation += 1
        self.owners = dict(zip(sorted(here), self._shares(len(here)), strict=True))
        for name, member in here.items():
            if member.answer is not None:
                member.answer.set_result(Joined(self.generation, self.owners[name]))
                member.answer = None

    def _shares(self, members: int) -> list[frozenset[TopicPartition]]:
        """Deal the partitions out in turn, as aiokafka's own assignor does."""
        every = range(self.partitions)
        return [frozenset(TopicPartition(self.topic, it) for it in every[number::members]) for number in range(members)]


type Onlooker = Callable[[Stored], None]
type Acknowledged = Callable[[str, Mapping[TopicPartition, int]], None]


class Broker:
    """All topics and groups."""

    def __init__(self, topics: Mapping[str, int], clock_ms: Callable[[], int], rebalance_s: float = 30.0) -> None:
        """`topics`: partitions by name."""
        self.logs: dict[str, list[list[Stored]]] = {name: [[] for _ in range(it)] for name, it in topics.items()}
        self.groups: dict[str, Group] = {}
        self.onlookers: list[Onlooker] = []
        self.committed: list[Acknowledged] = []
        self.away = False
        self.rebalance_s = rebalance_s
        self._clock_ms = clock_ms
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    def append(self, topic: str, partition: int, records: Sequence[Sent]) -> int:
        """Put records at the end of a log, and wake who waits for them; return the first's offset."""
        log = self.logs[topic][partition]
        first = len(log)
        for sent in records:
            stored = Stored(topic, partition, len(log), self._clock_ms(), sent.key, sent.value, sent.headers)
            log.append(stored)
            for onlooker in self.onlookers:
                onlooker(stored)
        self.wake(topic)
        return first

    def wake(self, topic: str) -> None:
        """Have everybody look again who waits for records of a topic."""
        waiting, self._waiting[topic] = self._waiting.get(topic, []), []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def wait(self, topic: str) -> asyncio.Future[None]:
        """Return what is done when something may have come."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(topic, []).append(future)
        return future

    def group(self, name: str, topic: str) -> Group:
        """Return a consumer group, made when missing."""
        found = self.groups.get(name)
        if found is None:
            loop = asyncio.get_running_loop()
            found = self.groups[name] = Group(topic, len(self.logs[topic]), self.rebalance_s, loop)
            found.acknowledged = lambda offsets: self._tell(name, offsets)
        return found

    def _tell(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        for committed in self.committed:
            committed(group, offsets)

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has.

        Raises:
            KafkaError: there is no such topic.

        """
        if topic not in self.logs:
            raise KafkaError(topic)
        return len(self.logs[topic])
