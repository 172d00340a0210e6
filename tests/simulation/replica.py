"""One process of a service: the real kit and the real handlers, wired by hand to what is in memory."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, cast

from aiokafka.errors import ConsumerStoppedError, KafkaError
from tests.simulation.clock import Process, VirtualLoop
from tests.simulation.kafka.broker import Broker
from tests.simulation.kafka.consumer import Consumer
from tests.simulation.mongo.driver import Client, Server
from tests.simulation.storm import Storm

from shared import leases
from shared.commits import Commits
from shared.delivery import Delivery, Handler
from shared.intake import Intake
from shared.marketplaces import Marketplaces
from shared.messages import Event
from shared.publisher import Publisher
from shared.record import Batch, Reader
from shared.relay import Relay
from shared.release import Releases
from shared.service import LEAVE_S_MAX, RELAY_EVERY_S
from shared.subscriptions import GRACE_S, Poll
from shared.work import Work


class Onlooker(Protocol):
    """Who sees what goes on inside."""

    def handling(self, group: str, batch: Batch[Any], work: Work) -> None:
        """See a batch given to a handler."""

    def decided(self, work: Work) -> None:
        """See what a handler has made of it."""

    def wrong(self, what: str) -> None:
        """Hear of something that must not be."""


class Unread:
    """Metrics that nobody reads: keeping them would take a tenth of the time."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any metric
        """Return a metric."""
        return self

    def __call__(self, *_: Any, **__: Any) -> "Unread":  # noqa: ANN401 - labels and amounts
        """Take whatever a metric is told."""
        return self

    def __enter__(self) -> None:
        """Begin to time nothing."""

    def __exit__(self, *_: object) -> None:
        """End it."""


@dataclass
class Surroundings:
    """What all processes share, as far as a process can see."""

    loop: VirtualLoop
    weather: Storm
    server: Server
    broker: Broker
    marketplaces: Marketplaces
    onlooker: Onlooker
    parks: bool
    """Whether anything will be parked, and so asked to be released."""
    readers: dict[tuple[str, type[Event]], Reader[Any]] = field(default_factory=dict)

    def reader(self, service: str, event: type[Event]) -> Reader[Any]:
        """Return a reader of a contract, which keeps no state."""
        key = (service, event)
        if key not in self.readers:
            self.readers[key] = Reader(event, service, self.marketplaces)
        return self.readers[key]


class Replica:
    """One replica from its start to its death. `service` is also its database."""

    def __init__(self, around: Surroundings, service: str, name: str) -> None:
        self.service = service
        self.process = Process(around.loop, name)
        self.client = cast("Any", Client(around.server, around.weather, self.process))
        self.database = self.client[service]
        self.metrics = cast("Any", Unread())
        self.publisher = Publisher("memory", name)
        self.commits = Commits(service, self.client, self.database, self.publisher, self.metrics)
        self.consumers: list[Consumer] = []
        self.api: dict[str, Any] = {}
        """The use cases that people call over HTTP."""
        self._around = around
        self._intakes: list[Intake[Any]] = []
        self._routes: dict[str, tuple[Reader[Any], Delivery[Any]]] = {}
        self._polls: list[asyncio.Task[None]] = []
        self._others: list[asyncio.Task[None]] = []
        relay = Relay(self.database, self.publisher)
        self.background(partial(relay.follow, self.commits.unpublished))
        self.sweep("relay", RELAY_EVERY_S, relay.once)

    def take[E: Event](self, event: type[E], handler: Handler[E]) -> None:
        """Hand every event of a contract to a use case, as `Intakes.take` does."""
        around, group = self._around, f"{self.service}.{event.topic}"

        async def observed(batch: Batch[E], work: Work) -> None:
            around.onlooker.handling(group, batch, work)
            await handler(batch, work)
            around.onlooker.decided(work)

        reader = around.reader(self.service, event)
        delivery = Delivery(group, observed, self.commits, self.database, self.metrics)
        intake = Intake(group, reader, delivery, self.publisher, self.database, self.metrics)
        consumer = Consumer(
            around.broker,
            around.weather,
            event.topic,
            group,
            listener=intake,
            process=self.process,
        )
        self._routes[event.topic] = reader, delivery
        self._intakes.append(intake)
        self.consumers.append(consumer)
        self._polls.append(self.process.spawn(self._poll(intake, consumer)))

    def sweep(self, name: str, every_s: float, once: Callable[[], Awaitable[int]]) -> None:
        """Run this now and then on one replica at a time, as `Service.sweep` does."""

        async def run() -> None:
            while True:
                await asyncio.sleep(every_s * random.uniform(0.8, 1.2))
                try:
                    if await leases.take(self.database, name, self.process.name, every_s * 3):
                        await once()
                except Exception as error:  # noqa: BLE001 - as Service.sweep: it runs again
                    self._around.weather.note(self.process.name, f"sweep {name} failed: {error!r}")

        self.background(run)

    def release_parks(self, every_s: float) -> None:
        """Do what operators ask of parks."""
        self.sweep("release", every_s, Releases(self.database, self.commits, self._routes).once)

    def background(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run this until the end; it must not end by itself."""

        async def guarded() -> None:
            try:
                await run()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                self._around.onlooker.wrong(f"{self.process.name}: a background task died: {error!r}")

        self._others.append(self.process.spawn(guarded()))

    def stop(self) -> asyncio.Task[None]:
        """Stop it as SIGTERM does: finish or abandon the batch in hand, leave the groups, end."""
        return self.process.spawn(self._stop())

    async def _stop(self) -> None:
        for intake in self._intakes:
            intake.stop()
        taking = asyncio.gather(*(consumer.stop() for consumer in self.consumers), return_exceptions=True)
        await asyncio.wait(self._polls, timeout=GRACE_S)
        for poll in self._polls:
            poll.cancel()
        await asyncio.wait([taking], timeout=LEAVE_S_MAX)
        for task in self._others:
            task.cancel()
        await asyncio.wait([*self._polls, *self._others], timeout=LEAVE_S_MAX)
        await self.publisher.stop()
        self.process.kill()

    async def _poll(self, intake: Intake[Any], consumer: Consumer) -> None:
        """Fetch and take, as FastStream does with what `subscriptions.subscribe` declares."""
        poll = Poll(intake.topic, self.metrics)
        await consumer.start()
        while True:
            try:
                records = await poll(consumer)
            except ConsumerStoppedError:
                return
            except KafkaError:
                await asyncio.sleep(5)
                continue
            generation = intake.generation
            try:
                await intake.take(records, generation, consumer)
            except Exception as error:  # noqa: BLE001 - FastStream would swallow it, so nothing may come out
                self._around.onlooker.wrong(f"{intake.group}: take raised {error!r}")
