"""What every process of the floor does alike: fetch, one transaction, publish, forget the outbox, commit offsets."""

import asyncio
import hashlib
import itertools
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import InsertOne, ReadPreference, UpdateOne, WriteConcern
from pymongo.read_concern import ReadConcern

from shared.ids import event_id

BATCH_RECORDS_MAX: Final = 500
FETCH_MIN_BYTES: Final = 400_000
FETCH_MAX_WAIT_MS: Final = 240
POLL_MS: Final = 1_000
"""An idle consumer waits for records: the lingering is the broker's."""
TELL_S: Final = 1.0
EVENTS_PER_DOCUMENT: Final = 100
ITEMS_MAX: Final = 1_000
"""What the institution takes in one request."""
PRODUCER_BATCH_BYTES: Final = 131_072

type Documents = list[dict[str, Any]]


class Taken(NamedTuple):
    """A record with what follows it to the last hop: its partition, which its key gives on every topic, and origin."""

    partition: int
    offset: int
    key: str
    value: bytes
    origin: bytes


class Event(NamedTuple):
    """A record to publish because of another."""

    topic: str
    cause: Taken
    identity: str
    value: bytes


class Work:
    """The writes and events of one transaction."""

    def __init__(self, session: Any, group: str) -> None:  # noqa: ANN401 - motor is untyped
        self.session = session
        self.now = datetime.now(UTC)
        self.inserts: dict[str, list[InsertOne[Any]]] = {}
        self.updates: dict[str, list[UpdateOne]] = {}
        self.events: list[Event] = []
        self._group = group

    def insert(self, collection: str, document: dict[str, Any]) -> None:
        """Add a document."""
        self.inserts.setdefault(collection, []).append(InsertOne(document))

    def update(self, collection: str, key: str, change: dict[str, Any], *, upsert: bool = False) -> None:
        """Change a document. By `_id` alone: any other filter makes MongoDB plan each update."""
        self.updates.setdefault(collection, []).append(UpdateOne({"_id": key}, change, upsert=upsert))

    async def write(self, database: Any) -> list[tuple[Event, list[tuple[str, bytes]]]]:  # noqa: ANN401 - motor is untyped
        """Write everything with its outbox; return the events with their headers."""
        outgoing = [(event, headers_of(event, self._group, self.now)) for event in self.events]
        self.letters = self._outbox(outgoing)
        for letter in self.letters:
            self.insert("outbox", letter)
        for collection, inserts in self.inserts.items():
            await database[collection].bulk_write(inserts, session=self.session)
        for collection, updates in self.updates.items():
            await database[collection].bulk_write(updates, session=self.session)
        return outgoing

    def _outbox(self, outgoing: Iterable[tuple[Event, list[tuple[str, bytes]]]]) -> Documents:
        chunks: dict[int, Documents] = {}
        for event, headers in outgoing:
            letters = chunks.setdefault(event.cause.partition if "." in self._group else -1, [])
            if not letters or len(letters[-1]["events"]) >= EVENTS_PER_DOCUMENT:
                letters.append(
                    {
                        "group": self._group,
                        "partition": event.cause.partition,
                        "seq": event.cause.offset,
                        "at": self.now,
                        "bytes": 0,
                        "events": [],
                    }
                )
            letters[-1]["bytes"] += len(event.value)
            letters[-1]["events"].append([event.topic, event.cause.key.encode(), event.value, headers])
        return [letter for letters in chunks.values() for letter in letters]


type Decide = Callable[[Work], Awaitable[None]]
type Handle = Callable[[Work, list[Taken]], Awaitable[Callable[[], None] | None]]
"""Decide about a batch; what is returned is called after the commit."""


class Process:
    """One process of the floor: its database, its producer and its consumers."""

    def __init__(self, name: str, bootstrap: str, mongo_url: str) -> None:
        self.name = name
        self._bootstrap = bootstrap
        self._client: Any = AsyncIOMotorClient(mongo_url, tz_aware=True)
        self.database = self._client[name]
        self._producer: Any = None
        self._publishing = asyncio.Lock()
        self._sessions: list[Any] = []
        self._counted: dict[str, list[int]] = {}

    async def transact(self, group: str, decide: Decide) -> None:
        """Run one transaction, publish what it decided, forget it."""
        session = self._sessions.pop() if self._sessions else await self._client.start_session()
        async with session.start_transaction(
            ReadConcern("snapshot"), WriteConcern("majority", j=True), ReadPreference.PRIMARY
        ):
            work = Work(session, group)
            await decide(work)
            outgoing = await work.write(self.database)
        self._sessions.append(session)
        if outgoing:
            async with self._publishing:
                await self._publish(outgoing)
            await forget(self.database["outbox"], (it["_id"] for it in work.letters))

    async def run(self, hops: dict[str, Handle]) -> None:
        """Consume these topics for ever."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_batch_size=PRODUCER_BATCH_BYTES,
        )
        await self._producer.start()
        consumers = {topic: self._consumer(topic) for topic in hops}
        for consumer in consumers.values():
            await consumer.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell())
            for topic, handle in hops.items():
                self._counted[topic] = [0, 0]
                group.create_task(self._consume(topic, consumers[topic], handle))

    async def _tell(self) -> None:
        """Say every second how many records and batches there were: the harness reads the last line."""
        while True:
            sys.stdout.write(json.dumps(self._counted) + "\n")
            sys.stdout.flush()
            await asyncio.sleep(TELL_S)

    def _consumer(self, topic: str) -> Any:  # noqa: ANN401 - aiokafka is untyped
        return AIOKafkaConsumer(
            topic,
            bootstrap_servers=self._bootstrap,
            group_id=f"{self.name}.{topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_min_bytes=FETCH_MIN_BYTES,
            fetch_max_wait_ms=FETCH_MAX_WAIT_MS,
        )

    async def _consume(self, topic: str, consumer: Any, handle: Handle) -> None:  # noqa: ANN401 - aiokafka is untyped
        counted = self._counted[topic]
        while True:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
            if not fetched:
                continue
            batch = [taken(record) for records in fetched.values() for record in records]
            after: list[Callable[[], None] | None] = []

            async def decide(work: Work, batch: list[Taken] = batch, after: list[Any] = after) -> None:
                after.append(await handle(work, batch))

            await self.transact(f"{self.name}.{topic}", decide)
            counted[0] += len(batch)
            counted[1] += 1
            for callback in after:
                if callback is not None:
                    callback()
            await consumer.commit({place: records[-1].offset + 1 for place, records in fetched.items()})

    async def _publish(self, outgoing: Sequence[tuple[Event, list[tuple[str, bytes]]]]) -> None:
        groups: dict[tuple[str, int], list[tuple[Event, list[tuple[str, bytes]]]]] = {}
        for event, headers in outgoing:
            groups.setdefault((event.topic, event.cause.partition), []).append((event, headers))
        sent = []
        for (topic, partition), group in groups.items():
            batch = self._producer.create_batch()
            for event, headers in group:
                record = {"key": event.cause.key.encode(), "value": event.value, "timestamp": None, "headers": headers}
                if batch.append(**record) is None:
                    sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                    batch = self._producer.create_batch()
                    batch.append(**record)
            sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)


class Lane[T]:
    """Items on their way to the institution: sent in batches, two requests at a time, as Weir's lanes do.

    `weigh` counts an item's instructions, of which a request takes `ITEMS_MAX`.
    """

    def __init__(self, weigh: Callable[[T], int], send: Callable[[list[T]], Awaitable[None]]) -> None:
        self._weigh = weigh
        self._send = send
        self._waiting: list[T] = []
        self._there = asyncio.Event()

    def hand(self, items: Iterable[T]) -> None:
        """Queue items."""
        self._waiting.extend(items)
        self._there.set()

    async def run(self) -> None:
        """Send batches for ever; start it twice for two in flight."""
        while True:
            while not self._waiting:
                self._there.clear()
                await self._there.wait()
            weights = itertools.accumulate(map(self._weigh, self._waiting))
            count = max(1, sum(1 for _ in itertools.takewhile(lambda weight: weight <= ITEMS_MAX, weights)))
            batch, self._waiting = self._waiting[:count], self._waiting[count:]
            await self._send(batch)


def taken(record: Any) -> Taken:  # noqa: ANN401 - aiokafka is untyped
    """Return what is kept of a record."""
    origin = next(value for name, value in record.headers if name == "ce_origintime")
    return Taken(record.partition, record.offset, record.key.decode(), record.value, origin)


def headers_of(event: Event, source: str, now: datetime) -> list[tuple[str, bytes]]:
    """Return the headers of an event, the same ones as Weir's."""
    marketplace = event.cause.key.partition("/")[0]
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id(event.topic, marketplace, event.identity).encode()),
        ("ce_source", source.encode()),
        ("ce_type", f"weir.{event.topic}.v1".encode()),
        ("ce_time", msgspec.json.encode(now)[1:-1]),
        ("ce_partitionkey", event.cause.key.encode()),
        ("ce_origintime", event.cause.origin),
        ("content-type", b"application/json"),
    ]


def digest(value: bytes) -> bytes:
    """Return the hash that a repeat is told by."""
    return hashlib.sha256(value).digest()


async def found(collection: Any, keys: Iterable[str], fields: Any, session: Any) -> Documents:  # noqa: ANN401 - motor is untyped
    """Return the documents of these ids."""
    wanted = list(keys)
    # In one answer: the driver would ask again after 101 documents.
    cursor = collection.find({"_id": {"$in": wanted}}, fields, session=session, batch_size=len(wanted) + 1)
    documents: Documents = await cursor.to_list(None)
    return documents


async def forget(collection: Any, keys: Iterable[Any]) -> None:  # noqa: ANN401 - motor is untyped
    """Delete what is done with. Nobody waits for the disk: what a crash brings back is done again."""
    forgettable = collection.with_options(write_concern=WriteConcern(w=1, j=False))
    await forgettable.delete_many({"_id": {"$in": list(keys)}})
