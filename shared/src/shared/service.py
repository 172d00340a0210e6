"""What every service is made of: store, consumers, sweeps and HTTP, started in order and stopped in reverse."""

import asyncio
import contextlib
import gc
import logging
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import structlog
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared import clock, http, lag, leases, mongo, outbox, parking, subscriptions, topics
from shared.commits import Commits
from shared.delivery import Delivery, Handler
from shared.health import Health
from shared.intake import Intake
from shared.lag import LagCollector
from shared.marketplaces import Marketplaces
from shared.messages import Event
from shared.metrics import KitMetrics
from shared.mongo import Index
from shared.publisher import Publisher
from shared.record import Reader
from shared.relay import Relay
from shared.release import Releases
from shared.settings import ServiceSettings
from shared.topics import Topics

START_RETRY_S: Final = 2.0
LEAVE_S_MAX: Final = 20.0
CANCELS_MAX: Final = 3
CANCEL_S_MAX: Final = 3.0
RELAY_EVERY_S: Final = 10.0
GAUGES_EVERY_S: Final = 5.0
RELEASE_EVERY_S: Final = 2.0

GC_THRESHOLDS: Final = (50_000, 5, 100)
"""When Python looks for cycles of garbage: at each 50,000 objects more, among the new ones; every 5th time among those
that outlived one look; after 100 of these among all. By default (3.13: 2,000, 10, 10) it would look many times in each
batch, whose objects go with their last reference. Eight times rarer still brought nothing (docs/benchmarks.md)."""

log = structlog.get_logger(__name__)


class Intakes:
    """The consumers of one service; `take` adds one."""

    def __init__(self, service: "Service") -> None:
        self.all: list[Intake[Any]] = []
        self.routes: dict[str, tuple[Reader[Any], Delivery[Any]]] = {}
        self.subscribers: list[Any] = []
        self._service = service

    def take[E: Event](self, event: type[E], handler: Handler[E]) -> None:
        """Hand every event of this contract to one use case, in the group `<service>.<topic>`."""
        service = self._service
        group = f"{service.name}.{event.topic}"
        reader = Reader(event, service.name, service.marketplaces)
        delivery = Delivery(group, handler, service.commits, service.database, service.kit)
        intake = Intake(group, reader, delivery, service.publisher, service.database, service.kit)
        self.routes[event.topic] = (reader, delivery)
        self.all.append(intake)
        self.subscribers.append(subscriptions.subscribe(service.broker, intake, service.settings, service.kit))


class Service:
    """One service of the cluster. Wire it, then serve `app`; nothing connects before the app starts."""

    def __init__(self, name: str, settings: ServiceSettings, indexes: Mapping[str, Sequence[Index]]) -> None:
        _log_as_json(settings.log_level)
        self.name = name
        self.settings = settings
        self.marketplaces = Marketplaces.load(settings.marketplaces_file)
        self.topics = Topics.load(settings.topics_file)
        self.kit = KitMetrics()
        self.metrics = self.kit.registry
        self.client = mongo.connect(settings.mongo_url)
        self.database = self.client[settings.mongo_database]
        self.publisher = Publisher(settings.kafka_bootstrap, name)
        self.commits = Commits(name, self.client, self.database, self.publisher, self.kit)
        self.clock = clock.Clock(self.database, movable=settings.environment == "test")
        self.broker = subscriptions.broker(settings, name)
        self.intake = Intakes(self)
        self.health = Health(self.client, self.intake.all, self.kit)
        self.app = FastAPI(title=f"Weir {name}", lifespan=self._lifespan, responses=http.PROBLEMS)
        self._indexes = {**indexes, **outbox.INDEXES, **parking.INDEXES, leases.COLLECTION: [], clock.COLLECTION: []}
        self._owner = f"{name}-{uuid.uuid4()}"
        self._background: list[Callable[[], Awaitable[None]]] = []
        self._samples: list[Callable[[], Awaitable[None]]] = []
        self._running: list[asyncio.Task[None]] = []
        http.install(self.app)
        self._probes()

    def background(self, run: Callable[[], Awaitable[None]]) -> None:
        """Run this from start to stop; its death makes the service unhealthy."""
        self._background.append(run)

    def sample(self, once: Callable[[], Awaitable[None]]) -> None:
        """Run this every 5 s: it sets gauges from what is stored."""
        self._samples.append(once)

    def sweep(self, name: str, every_s: float, once: Callable[[], Awaitable[int]]) -> None:
        """Run this now and then on one replica at a time; what it had to do is counted in `weir_swept`."""

        async def run() -> None:
            while True:
                await asyncio.sleep(every_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
                try:
                    if await leases.take(self.database, name, self._owner, every_s * 3):
                        self.kit.swept.labels(name).inc(await once())
                except Exception:
                    log.exception("sweep failed, runs again", sweep=name)

        self._background.append(run)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self.metrics.register(LagCollector(self.intake.all))
        relay = Relay(self.database, self.publisher)
        self.background(self.clock.follow)
        self.background(partial(relay.follow, self.commits.unpublished))
        self.sweep("relay", RELAY_EVERY_S, relay.once)
        self.sweep("release", RELEASE_EVERY_S, Releases(self.database, self.commits, self.intake.routes).once)
        self._spawn("heartbeat", self.health.beat)
        starting = self._spawn("start", self._start)
        try:
            yield
        finally:
            await self._stop(starting)

    async def _start(self) -> None:
        """Start when Kafka and MongoDB are there; until then the service lives and says what it waits for."""
        while not self.health.started:
            try:
                await mongo.prepare(self.database, self._indexes)
                await topics.check(self.topics.of(self.name), self.settings.kafka_bootstrap)
                await self.clock.ask()  # before anything is decided by it
                await self.broker.start()
            except Exception as error:  # noqa: BLE001 - whatever is missing is said on /readyz, and tried again
                self.health.problem = f"{type(error).__name__}: {error}"[:500]
                log.warning("cannot start yet", problem=self.health.problem)
                await self._leave()
                await asyncio.sleep(START_RETRY_S)
            else:
                self.health.started = True
        for number, run in enumerate(self._background):
            self._spawn(f"background-{number}", run)
        for subscriber, intake in zip(self.intake.subscribers, self.intake.all, strict=True):
            self.health.watch(intake.group, partial(_polls, subscriber))
        self._spawn("gauges", self._gauge)
        self._spawn("backlog", self._look)
        gc.collect()
        gc.freeze()  # what is here now lives as long as the process: the collector need not look at it again
        gc.set_threshold(*GC_THRESHOLDS)
        log.info("started", service=self.name)

    async def _stop(self, starting: asyncio.Task[None]) -> None:
        """Stop fetching, finish or abandon the batch in hand, leave the groups, then stop what they fed."""
        self.health.stopping = True
        await _end([starting])  # consumers that are being started cannot be stopped: they would wait for each other
        for intake in self.intake.all:
            intake.stop()
        await self._leave()
        await _end(self._running)
        await self.publisher.stop()
        await mongo.close(self.client)
        log.info("stopped", service=self.name)

    async def _leave(self) -> None:
        """Stop all consumers, whatever state a start or an outage has left them in."""
        try:
            async with asyncio.timeout(LEAVE_S_MAX):
                await self.broker.stop()
        except Exception as error:  # noqa: BLE001 - it must not keep the rest from stopping; the group notices by itself
            log.warning("consumers not stopped cleanly", error=repr(error))

    def _spawn(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await run()
            except Exception:
                log.exception("task died", task=name)
                raise

        task = asyncio.create_task(guarded(), name=name)
        self._running.append(task)
        self.health.watch(name, lambda: not task.done() or (not task.cancelled() and task.exception() is None))
        return task

    async def _gauge(self) -> None:
        while True:
            with contextlib.suppress(mongo.PyMongoError):  # the outage itself is on /readyz
                oldest = await outbox.oldest_at(self.database)
                age = (await leases.now(self.database) - oldest).total_seconds() if oldest else 0.0
                self.kit.outbox_oldest_seconds.set(max(0.0, age))
                self.kit.parked_keys.set(await self.database[parking.PARKS].estimated_document_count())
                for once in self._samples:
                    await once()
            await asyncio.sleep(GAUGES_EVERY_S)

    async def _look(self) -> None:
        while True:
            await asyncio.gather(*(intake.backlog.look() for intake in self.intake.all))
            await asyncio.sleep(lag.LOOK_EVERY_S)

    def _probes(self) -> None:
        async def livez() -> Response:
            dead = self.health.live()
            return JSONResponse({"alive": not dead, "dead": dict(dead)}, 503 if dead else 200)

        async def readyz() -> Response:
            missing = await self.health.ready()
            return JSONResponse({"ready": not missing, "missing": dict(missing)}, 503 if missing else 200)

        async def metrics() -> Response:
            return PlainTextResponse(generate_latest(self.metrics), media_type=CONTENT_TYPE_LATEST)

        for path, answer in (("/livez", livez), ("/readyz", readyz), ("/metrics", metrics)):
            self.app.add_api_route(path, answer, methods=["GET"], include_in_schema=False)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they end: one that was committing may have lost the first cancellation to the driver."""
    for _ in range(CANCELS_MAX):
        for task in tasks:
            task.cancel()
        _, running = await asyncio.wait(tasks, timeout=CANCEL_S_MAX)
        if not running:
            return
    log.error("tasks do not end", tasks=[task.get_name() for task in tasks if not task.done()])


def _polls(subscriber: Any) -> bool:  # noqa: ANN401 - FastStream's subscriber class is internal
    """Tell whether a consumer still polls; `broker.ping()` stays true with a dead consume task."""
    return any(not task.done() for task in subscriber.tasks)


def _log_as_json(level: str) -> None:
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        cache_logger_on_first_use=True,
    )
    for noisy in ("aiokafka", "faststream", "pymongo"):
        logging.getLogger(noisy).setLevel(max(number, logging.WARNING))
