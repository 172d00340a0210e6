"""Dead letters as Kafka holds them: reading all of them, and sending one back. Decides about none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from ops.lag import TIMEOUT_S, KafkaUnreachableError
from shared.outbox import Headers, Outgoing
from shared.record import ONLY_SERVICE

FACT: Final = "weir-dlq-"
POLL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One record that a service could not take. `id` is where the letter stands, `facts` why and whence it came."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    facts: dict[str, str]

    @property
    def id(self) -> str:
        """Name the letter for an operator."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def service(self) -> str:
        """The service that could not take it."""
        return self.facts.get("service", self.topic.split(".")[-2])

    @property
    def cut(self) -> bool:
        """Whether it holds only the beginning of a record that was too large; then it cannot be sent back."""
        return "value-bytes" in self.facts

    @property
    def order(self) -> str:
        """The key of the original record as text; what is not text is shown as it is escaped."""
        return text_of(self.key)

    def described(self) -> dict[str, object]:
        """Return what an operator sees of it at a glance."""
        wanted = ("disposition", "error", "first-failed-at", "last-failed-at")
        origin = {name: self.facts.get(name) for name in ("topic", "partition", "offset")}
        return {
            "id": self.id,
            "service": self.service,
            "key": self.order,
            **{name.replace("-", "_"): self.facts.get(name) for name in wanted},
            "attempts": _number(self.facts.get("attempts")),
            "cut": self.cut,
            "origin": "/".join(str(part) for part in origin.values()),
        }


def text_of(key: bytes | None) -> str:
    """Return the key of a record as text, whatever it is."""
    return (key or b"").decode(errors="backslashreplace")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def letter_of(record: Any) -> Letter:  # noqa: ANN401 - aiokafka is untyped
    """Return a consumed record as a letter."""
    facts = {
        name.removeprefix(FACT): (content or b"").decode(errors="replace")
        for name, content in record.headers
        if name.startswith(FACT)
    }
    return Letter(record.topic, record.partition, record.offset, record.key, record.value, list(record.headers), facts)


def redriven(letter: Letter, actor: str, reason: str) -> Outgoing:
    """Return the record that goes back to the original topic: only the service that failed takes it (messaging.md).

    The original headers are kept, the ce_id among them, so that redriving twice is harmless.
    """
    kept = [(name, content) for name, content in letter.headers if not name.startswith(FACT) and name != ONLY_SERVICE]
    added = [
        (ONLY_SERVICE, letter.service.encode()),
        ("weir-redriven-by", actor.encode()),
        ("weir-redriven-for", reason.encode()),
    ]
    origin = letter.facts.get("topic") or letter.topic.removesuffix(f".{letter.service}.dlq")
    return Outgoing(origin, letter.key, letter.value, [*kept, *added], ("ops", -1), 0)


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await consumer.start()
        yield consumer
    except (TimeoutError, KafkaError, OSError) as error:
        message = f"Kafka at {bootstrap} does not answer: {error!r}"
        raise KafkaUnreachableError(message) from error
    finally:
        await consumer.stop()


async def read(
    bootstrap: str, topics: Sequence[str], wanted: Callable[[Letter], bool] = lambda _: True
) -> AsyncIterator[Letter]:
    """Go through the letters that stand in these topics now, topic by topic, oldest first.

    Raises:
        KafkaUnreachableError: Kafka does not answer.

    """
    async for record in records(bootstrap, topics):
        letter = letter_of(record)
        if wanted(letter):
            yield letter


async def records(bootstrap: str, topics: Sequence[str]) -> AsyncIterator[Any]:
    """Go through all records that stand in these topics now, partition by partition, oldest first.

    Raises:
        KafkaUnreachableError: Kafka does not answer.

    """
    if not topics:
        return
    async with _consumer(bootstrap) as consumer:
        places = await _places(bootstrap, topics)
        begins = await consumer.beginning_offsets(places) if places else {}
        ends = await consumer.end_offsets(places) if places else {}
        full = [place for place in places if begins[place] < ends[place]]
        # All at once: each later assignment costs a second until the consumer knows the leaders of its topics.
        consumer.assign(full)
        consumer.pause(*full)
        for place in full:
            consumer.seek(place, begins[place])
        for place in full:
            async for record in _standing(consumer, place, ends[place]):
                yield record


async def _places(bootstrap: str, topics: Sequence[str]) -> list[TopicPartition]:
    """Return all partitions of those topics that are there. A consumer knows only those of topics it subscribes to."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    return [
        TopicPartition(it["topic"], partition)
        for it in described
        if not it["error_code"]
        for partition in sorted(found["partition"] for found in it["partitions"])
    ]


async def _standing(consumer: Any, place: TopicPartition, end: int) -> AsyncIterator[Any]:  # noqa: ANN401 - aiokafka is untyped
    """Go through one partition up to `end`; no other is fetched meanwhile."""
    consumer.resume(place)
    while await consumer.position(place) < end:
        async with asyncio.timeout(TIMEOUT_S):
            found = await consumer.getmany(place, timeout_ms=POLL_MS)
        for record in found.get(place, ()):
            if record.offset < end:
                yield record
    consumer.pause(place)


def topics_of(topics: Sequence[Any]) -> list[str]:
    """Return the dead-letter topics among the stated ones."""
    return [topic.name for topic in topics if topic.dead_letters_of]
