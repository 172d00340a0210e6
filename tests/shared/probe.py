"""A service of the kit alone, for the kit's tests: it keeps each order it is told of and answers with one event.

Topics, groups and database are of one test only, so that tests never meet on the session's broker.
"""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pydantic_settings import SettingsConfigDict

from shared import envelope, mongo, topics
from shared.marketplaces import Marketplaces
from shared.messages import ChannelPayment, OrderLine, OrderPaid, encode
from shared.mongo import Database
from shared.outbox import Outgoing
from shared.publisher import Publisher, PublishError
from shared.record import Batch, Raw, Reader
from shared.service import Service
from shared.settings import ServiceSettings
from shared.topics import Topics
from shared.work import Work

TOPICS = """
defaults: {{partitions: {partitions}, replication_factor: 1, config: {{cleanup.policy: delete}}}}
dead_letters: {{partitions: 1, replication_factor: 1, config: {{max.message.bytes: 2097152}}}}
topics:
  {taken}: {{key: <marketplace>/<order_id>, owner: upstream, consumers: [probe]}}
  {given}: {{key: <marketplace>/<order_id>, owner: probe, consumers: [nobody]}}
"""


class ProbeSettings(ServiceSettings):
    """Settings of the probe."""

    model_config = SettingsConfigDict(env_prefix="PROBE_", frozen=True)


def contract(topic: str) -> type[OrderPaid]:
    """Return order-paid's contract under another topic."""

    class Probed(OrderPaid, frozen=True, kw_only=True, gc=False):
        topic: ClassVar[str] = ""
        type: ClassVar[str] = "weir.probed.v1"

    Probed.topic = topic
    return Probed


type Step = Callable[[Batch[OrderPaid], Work], Awaitable[None]]


@dataclass
class Probe:
    """One probe's names and doors."""

    bootstrap: str
    settings: ProbeSettings
    taken: type[OrderPaid]
    given: type[OrderPaid]
    partitions: int
    before: list[Step] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    """The orders of each run of the handler, committed or not."""

    def service(self) -> Service:
        """Return a new replica, not started."""
        service = Service("probe", self.settings, {"orders": []})

        async def handle(batch: Batch[OrderPaid], work: Work) -> None:
            for step in self.before:
                await step(batch, work)
            self.batches.append([it.event.order_id for it in batch])
            keys = {it.event.key for it in batch}
            found = service.database["orders"].find({"_id": {"$in": list(keys)}}, session=work.session)
            known = {order["_id"] async for order in found}
            put_aside = {id(received) for received, _ in work.parked}
            for it in batch:
                if it.event.key in known or id(it) in put_aside:
                    continue
                known.add(it.event.key)
                work.insert("orders", {"_id": it.event.key, "offset": it.offset, "partition": it.partition})
                facts = {name: getattr(it.event, name) for name in it.event.__struct_fields__}
                work.publish(self.given(**facts), cause=it)

        service.intake.take(self.taken, handle)
        return service

    @contextlib.asynccontextmanager
    async def running(self, service: Service | None = None, *, ready: bool = True) -> AsyncIterator[Service]:
        """Run a replica until the block ends; begin it once it is ready, unless it is to pause at once."""
        service = service or self.service()
        async with service.app.router.lifespan_context(service.app):
            if ready:
                await until(lambda: _ready(service))
            yield service

    @contextlib.asynccontextmanager
    async def resting(self) -> AsyncIterator[Service]:
        """Give a replica that can commit and publish but consumes nothing."""
        service = self.service()
        await mongo.prepare(service.database, vars(service)["_indexes"])
        try:
            yield service
        finally:
            await service.publisher.stop()
            await mongo.close(service.client)

    async def send(self, *orders: OrderPaid, compression: str | None = None, topic: str = "", **changes: Any) -> None:  # noqa: ANN401 - fields of several types
        """Publish orders as upstream does; `changes` replace key, value, headers or partition of each record."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, max_request_size=8_000_000, compression_type=compression
        ) as producer:
            for order in orders:
                await producer.send(topic or self.taken.topic, **(record_of(order) | changes))
            await producer.flush()

    async def committed(self) -> dict[int, int]:
        """Return the offsets that the probe's group has acknowledged, by partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self.group)
        finally:
            await admin.close()
        return {place.partition: at.offset for place, at in found.items() if at.offset >= 0}

    async def ends(self) -> dict[int, int]:
        """Return how far the taken topic reaches, by partition, where anything is in it."""
        async with AIOKafkaConsumer(bootstrap_servers=self.bootstrap) as consumer:
            found = await consumer.end_offsets([TopicPartition(self.taken.topic, it) for it in range(self.partitions)])
        return {place.partition: end for place, end in found.items() if end}

    async def published(self, topic: str, count: int, timeout_s: float = 30) -> list[Any]:
        """Return the first records of a topic, waiting for them."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        found: list[Any] = []
        async with consumer, asyncio.timeout(timeout_s):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found.extend(records)
        return found

    def order(self, number: int | str, **changes: Any) -> OrderPaid:  # noqa: ANN401 - fields of several types
        """Return a small order."""
        facts: dict[str, Any] = {
            "marketplace": "test-kit",
            "order_id": str(number),
            "buyer": "b",
            "currency": "CNY",
            "paid_at": datetime(2026, 1, 1, tzinfo=UTC),
            "payments": (
                ChannelPayment(
                    channel_profile="sandbox-direct",
                    channel_account="test-kit",
                    channel_payment_id=f"p{number}",
                    amount_minor=100,
                ),
            ),
            "lines": (OrderLine(line_id="1", sku="s", category="c", merchant="m", quantity=1, amount_minor=100),),
        }
        return self.taken(**(facts | changes))

    async def apply_topics(self) -> None:
        """Make the probe's topics."""
        await topics.apply(Topics.load(self.settings.topics_file), self.bootstrap)

    def received(self, *orders: OrderPaid, first_offset: int = 0, service: str = "probe") -> list[Any]:
        """Return orders as a consumer reads them from partition 0."""
        reader = Reader(self.taken, service, Marketplaces.load(self.settings.marketplaces_file))
        raws = [Raw(self.taken.topic, 0, at, 1, **record_of(it)) for at, it in enumerate(orders, first_offset)]
        return [reader.read(raw) for raw in raws]

    @property
    def group(self) -> str:
        """Return the probe's consumer group."""
        return f"probe.{self.taken.topic}"

    @property
    def dead_letters(self) -> str:
        """Return the probe's dead-letter topic."""
        return f"{self.taken.topic}.probe.dlq"


def record_of(order: OrderPaid) -> dict[str, Any]:
    """Return key, value and headers of an order as upstream publishes it."""
    now = datetime.now(UTC)
    headers = envelope.headers_of(order, "/upstream/test", now, now)
    return {"key": order.key.encode(), "value": encode(order), "headers": headers}


def unmade(bootstrap: str, mongo_url: str, database: str, folder: Path, *, partitions: int = 4) -> Probe:
    """Return a probe whose topics do not exist yet."""
    tag = uuid.uuid4().hex[:8]
    taken, given = f"taken-{tag}", f"given-{tag}"
    file = folder / f"topics-{tag}.yaml"
    file.write_text(TOPICS.format(partitions=partitions, taken=taken, given=given))
    settings = ProbeSettings(
        kafka_bootstrap=bootstrap,
        mongo_url=mongo_url,
        mongo_database=database,
        environment="test",
        topics_file=file,
        fetch_min_bytes=1,
        log_level="INFO",
    )
    return Probe(bootstrap, settings, contract(taken), contract(given), partitions)


async def make(bootstrap: str, mongo_url: str, database: str, folder: Path, *, partitions: int = 4) -> Probe:
    """Return a probe whose topics exist."""
    it = unmade(bootstrap, mongo_url, database, folder, partitions=partitions)
    await it.apply_topics()
    return it


async def until(ready: Callable[[], Awaitable[bool]], timeout_s: float = 40) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout_s):
        while not await ready():  # noqa: ASYNC110 - what is waited for is in Kafka, MongoDB or another process
            await asyncio.sleep(0.05)


async def count_of(database: Database, collection: str) -> int:
    """Count the documents of a collection."""
    return await database[collection].count_documents({})


async def stored(service: Service, count: int) -> None:
    """Wait until so many orders are stored."""

    async def so() -> bool:
        return await count_of(service.database, "orders") == count

    await until(so)


async def acknowledged(it: Probe) -> None:
    """Wait until the probe's group has acknowledged all that was sent."""

    async def so() -> bool:
        return await it.committed() == await it.ends()

    await until(so)


async def get(service: Service, path: str) -> httpx.Response:
    """Ask a replica over HTTP, without a socket."""
    transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://probe") as client:
        return await client.get(path)


async def away(_: Publisher, __: Sequence[Outgoing]) -> None:
    """Stand for `Publisher.publish` while Kafka is away."""
    message = "away"
    raise PublishError(message)


async def _ready(service: Service) -> bool:
    return not await service.health.ready()
