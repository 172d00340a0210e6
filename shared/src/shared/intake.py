"""Takes batches from Kafka and acknowledges them once they are committed and published: the timing of delivery.

What a record means is decided in a service; what becomes of a batch in `delivery`. FastStream's own acknowledging,
parsing and retrying are all replaced, because each of them loses records in some case (docs/decisions/0003).
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from shared import mongo, outbox
from shared.breaker import Breaker
from shared.commits import OutageError
from shared.delivery import Delivery, LeftoversError
from shared.lag import Backlog
from shared.messages import Event
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.parking import ParkFullError
from shared.publisher import Publisher, PublishError
from shared.record import Raw, Reader, raw_of

BATCH_BYTES_MAX: Final = 1_500_000
"""Above 500 records of usual orders (1.2 MB). With 50 receivers an order, 4 MB took 60 MiB more and were no faster."""
BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MAX_S: Final = 10.0
OUTAGE_RETRIES_S_MAX: Final = 60.0
"""In-place retries stay well inside `max_poll_interval_ms`; after that the partitions are paused and probed."""
OUTAGE: Final = "outage"
BROKEN_UPSTREAM: Final = "broken_upstream"
PARK_FULL: Final = "park_full"
FAILURE: Final = "failure"
PAUSES_S: Final = {OUTAGE: 5.0, BROKEN_UPSTREAM: 300.0, PARK_FULL: 300.0, FAILURE: 5.0}
"""Why a consumer pauses, and for how long. Each shows in `weir_consumer_paused` and pages."""
LEFTOVERS_S_MAX: Final = 4.0
"""Below the shortest session time-out, 6 s: no heartbeat is sent while a new assignment is being taken."""
DRAIN_S_MAX: Final = 25.0
"""Below `rebalance_timeout_ms`: the group waits for this consumer so long, and no longer."""
ACK_S_MAX: Final = 10.0
OVERLAP_S: Final = 120.0
"""For so long after an assignment a former owner may still be at work on what it had in hand: it may not have heard yet
that its group has given it up, and its transaction may take 45 s."""

log = structlog.get_logger(__name__)


class _PauseError(Exception):
    """The batch in hand stays where it is: rewind to it, and come back later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Intake[E: Event](ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """One consumer: one topic, one group, one handler, one batch at a time."""

    def __init__(
        self,
        group: str,
        reader: Reader[E],
        delivery: Delivery[E],
        publisher: Publisher,
        database: Database,
        metrics: KitMetrics,
    ) -> None:
        self.group = group
        self.topic = group.partition(".")[2]
        self.generation = 0
        self.backlog = Backlog()
        self._reader = reader
        self._delivery = delivery
        self._publisher = publisher
        self._database = database
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._assigned = asyncio.Event()
        self._abandon = asyncio.Event()
        self._leftovers = False
        self._settled_at = math.inf
        self._breaker = Breaker()
        self._resuming: asyncio.Task[None] | None = None
        self._busy_since: float | None = None

    @property
    def ready(self) -> bool:
        """Whether it has been given partitions (perhaps none) and is not waiting for an outage to end."""
        return self._assigned.is_set() and self._resuming is None

    @property
    def waiting(self) -> bool:
        """Whether it is paused until an outage ends."""
        return self._resuming is not None

    @property
    def busy_s(self) -> float:
        """For how long it has had the same fetch in hand."""
        return 0.0 if self._busy_since is None else time.monotonic() - self._busy_since

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Finish or abandon the batch in hand before another consumer gets its partitions."""
        self.generation += 1
        self._assigned.clear()
        self._abandon.set()  # a batch that only waits out an outage is given up; a working one is finished
        try:
            async with asyncio.timeout(DRAIN_S_MAX), self._lock:
                pass
        except TimeoutError:
            log.warning("batch not drained in time", group=self.group, partitions=len(revoked))
        self.backlog.clear()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Publish what a crash left on these partitions, in order, before anything new of them is handled."""
        self._metrics.rebalances.labels(self.topic).inc()
        self._abandon.clear()
        self._leftovers = True
        self._settled_at = asyncio.get_running_loop().time() + OVERLAP_S
        try:
            async with asyncio.timeout(LEFTOVERS_S_MAX):
                await self._publish_leftovers(sorted(it.partition for it in assigned))
        except (TimeoutError, OutageError, PyMongoError) as error:
            log.warning("leftovers wait for the next batch", group=self.group, error=repr(error)[:500])
        self._stop_waiting()
        self._assigned.set()
        log.info("assigned", group=self.group, partitions=sorted(it.partition for it in assigned))

    async def take(self, records: Sequence[Any], generation: int, consumer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        """Handle one fetch: deliver it, then acknowledge it, both inside the lock that a revoke waits for.

        A batch fetched before a rebalance is dropped: its partitions start again at their committed offsets.
        """
        raws = [raw_of(record) for record in records]
        self.backlog.fetched(raws)
        await self._assigned.wait()
        async with self._lock:
            batches = _bounded(raws)
            self._busy_since = time.monotonic()
            try:
                while batches and generation == self.generation:
                    await self._handle(batches[0], generation, consumer)
                    batches.pop(0)
            except _PauseError as pause:
                if generation == self.generation:
                    self._pause([raw for batch in batches for raw in batch], pause, consumer)
            finally:
                self._busy_since = None

    def stop(self) -> None:
        """Abandon what only waits; a batch at work is awaited by the broker's own grace time."""
        self._abandon.set()
        self._stop_waiting()

    async def _handle(self, batch: Sequence[Raw], generation: int, consumer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        if self._breaker.open:
            raise _PauseError(BROKEN_UPSTREAM)
        self._metrics.batch_records.labels(self.topic).observe(len(batch))
        records = [record for raw in batch if (record := self._reader.read(raw)) is not None]
        bad = 0

        async def deliver() -> None:
            nonlocal bad
            owned = sorted(it.partition for it in consumer.assignment())
            stripe = f"{self.group}#{owned[0] if owned else 0}"
            while True:
                if self._leftovers:
                    await self._publish_leftovers(sorted({*owned, *(raw.partition for raw in batch)}))
                try:
                    settled = asyncio.get_running_loop().time() > self._settled_at
                    bad += await self._delivery.deliver(records, stripe, settled=settled)
                except LeftoversError:
                    self._leftovers = True
                else:
                    return

        try:
            await self._insist(deliver)
        except (_PauseError, asyncio.CancelledError):
            raise
        except ParkFullError as error:
            log.error("parking is full", group=self.group, error=str(error))  # noqa: TRY400 - the message says it all
            raise _PauseError(PARK_FULL) from error
        except Exception as error:
            log.exception("the kit itself failed", group=self.group)
            raise _PauseError(FAILURE) from error
        self._breaker.note(good=len(records) - bad, bad=bad)
        await self._ack(batch, generation, consumer)

    async def _publish_leftovers(self, partitions: Sequence[int]) -> None:
        while letters := await outbox.left_on(self._database, self.group, partitions):
            records = [record for letter in letters for record in outbox.records(letter)]
            try:
                await self._publisher.publish(records)
            except PublishError as error:
                raise OutageError(str(error)) from error
            await outbox.remove(self._database, [letter["_id"] for letter in letters])
            log.info("published leftovers", group=self.group, events=len(records))
        self._leftovers = False

    async def _insist(self, attempt: Callable[[], Awaitable[None]]) -> None:
        """Try until done; pause when an outage lasts longer than 60 s, or the partitions are revoked."""
        loop = asyncio.get_running_loop()
        until = loop.time() + OUTAGE_RETRIES_S_MAX
        backoff = BACKOFF_FIRST_S
        while True:
            try:
                await attempt()
            except Exception as error:
                if not _is_outage(error):
                    raise
                # Perhaps it is committed but not published; handled again, its records are repeats and say nothing.
                self._leftovers = True
                log.warning("waiting for an outage to end", group=self.group, error=str(error)[:500])
                if self._abandon.is_set() or loop.time() + backoff > until:
                    raise _PauseError(OUTAGE) from error
                await self._wait(backoff * (0.5 + random.random()))  # noqa: S311 - jitter, not a secret
                backoff = min(backoff * 2, BACKOFF_MAX_S)
            else:
                return

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._abandon.wait(), seconds)
        except TimeoutError:
            return

    async def _ack(self, batch: Sequence[Raw], generation: int, consumer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        offsets = {TopicPartition(self.topic, raw.partition): raw.offset + 1 for raw in batch}
        try:
            async with asyncio.timeout(ACK_S_MAX):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:  # they will be delivered again, and told from new ones
            log.warning("offsets not committed", group=self.group, error=repr(error))
        if generation == self.generation:
            self.backlog.acked(batch)

    def _pause(self, undone: Sequence[Raw], pause: _PauseError, consumer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        """Rewind to all that is not done, stop fetching, stay in the group, try again later."""
        assignment = consumer.assignment()
        for raw in reversed(undone):  # the first of each partition comes last
            place = TopicPartition(self.topic, raw.partition)
            if place in assignment:
                consumer.seek(place, raw.offset)
        if self._abandon.is_set() or not assignment:
            return
        consumer.pause(*assignment)
        self._metrics.paused.labels(self.topic, pause.reason).set(1)
        partitions = sorted(it.partition for it in assignment)
        log.error("paused", group=self.group, reason=pause.reason, partitions=partitions)
        self._resuming = asyncio.create_task(self._resume(consumer, pause))

    async def _resume(self, consumer: Any, pause: _PauseError) -> None:  # noqa: ANN401 - aiokafka is untyped
        await asyncio.sleep(PAUSES_S[pause.reason])
        if pause.reason == BROKEN_UPSTREAM:
            self._breaker.reset()
        self._resuming = None
        self._metrics.paused.labels(self.topic, pause.reason).set(0)
        consumer.resume(*(consumer.paused() & consumer.assignment()))
        log.info("resumed", group=self.group, reason=pause.reason)

    def _stop_waiting(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
            for reason in PAUSES_S:
                self._metrics.paused.labels(self.topic, reason).set(0)


def _is_outage(error: Exception) -> bool:
    return isinstance(error, OutageError) or (isinstance(error, PyMongoError) and mongo.is_outage(error))


def _bounded(records: Sequence[Raw]) -> list[list[Raw]]:
    """Cut a fetch into batches of at most 1.5 MB, at a record boundary."""
    batches: list[list[Raw]] = []
    size = BATCH_BYTES_MAX
    for raw in records:
        size += raw.size
        if size > BATCH_BYTES_MAX:
            batches.append([])
            size = raw.size
        batches[-1].append(raw)
    return batches
