"""What becomes of one batch: each record gets exactly one fate, in as few transactions as the batch allows.

Conflicts run the batch again, then in halves, then one by one; a record that alone still fails is parked.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog

from shared import parking
from shared.commits import Commits, ConflictError, OutageError
from shared.messages import Event
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.parking import ParkFullError
from shared.record import Bad, Batch, Received
from shared.work import TooLargeError, Work

HALVE_AFTER: Final = 3
ONE_BY_ONE_AFTER: Final = 5
ATTEMPTS_MAX: Final = 12
JITTER_S: Final = 0.05

log = structlog.get_logger(__name__)

type Handler[E: Event] = Callable[[Batch[E], Work], Awaitable[None]]
type Record[E: Event] = Received[E] | Bad


class Delivery[E: Event]:
    """Delivers batches of one topic to one handler."""

    def __init__(
        self, group: str, handler: Handler[E], commits: Commits, database: Database, metrics: KitMetrics
    ) -> None:
        self._group = group
        self._handler = handler
        self._commits = commits
        self._database = database
        self._metrics = metrics

    async def deliver(self, records: Sequence[Record[E]], stripe: str) -> None:
        """Return when every record has its fate: committed, and its events published.

        Raises:
            OutageError: MongoDB or Kafka is away; what is committed is told from a repeat the next time.
            ParkFullError: too much is parked.

        """
        pending = [list(records)]
        aborts = 0
        while pending:
            chunk = pending.pop(0)
            try:
                await self._commit(chunk, stripe)
            except ConflictError:
                aborts += 1
                if aborts > ATTEMPTS_MAX + len(records):
                    message = f"{self._group}: still in conflict after {aborts} aborts"
                    raise OutageError(message) from None
                pending[:0] = _cut(chunk, aborts)
                await asyncio.sleep(JITTER_S * random.random())  # noqa: S311 - jitter, not a secret
            except TooLargeError:
                if len(chunk) == 1:
                    await self._park(chunk[0], "transaction_too_large", stripe)
                else:
                    pending[:0] = _halves(chunk)
            except (OutageError, ParkFullError):
                raise
            except Exception as error:
                # A handler that raises is a bug or an aggregate that cannot take the event: find the record, park it.
                log.exception("handler failed", group=self._group, records=len(chunk))
                if len(chunk) == 1:
                    await self._park(chunk[0], f"handler_failed: {type(error).__name__}", stripe)
                else:
                    pending[:0] = _halves(chunk)

    async def replay(self, events: Sequence[Received[E]], work: Work) -> None:
        """Handle parked records inside an operator's release."""
        await self._handler(Batch(events, datetime.now(UTC)), work)

    async def _commit(self, chunk: Sequence[Record[E]], stripe: str) -> None:
        async def decide(work: Work) -> None:
            received = [record for record in chunk if isinstance(record, Received)]
            parked = await parking.among(self._database, {it.event.key for it in received}, work.session)
            for record in chunk:
                if isinstance(record, Bad):
                    work.reject(record, record.disposition, record.reason)
                elif record.event.key in parked:
                    work.park(record, "behind_a_parked_record")
            free = [it for it in received if it.event.key not in parked] if parked else received
            if free:
                await self._handler(Batch(free, work.now), work)

        await self._finish(decide, stripe, len(chunk))

    async def _park(self, record: Record[E], reason: str, stripe: str) -> None:
        async def decide(work: Work) -> None:
            if isinstance(record, Bad):  # even its dead letter failed: nothing of it can be kept but an outage
                raise OutageError(reason)
            work.park(record, reason)

        await self._finish(decide, stripe, 1)

    async def _finish(self, decide: Callable[[Work], Awaitable[None]], stripe: str, records: int) -> None:
        _, work, letters = await self._commits.commit(decide, stripe=stripe, group=self._group)
        topic = self._group.partition(".")[2]
        dead = work.dispositions
        for disposition in dead:
            self._metrics.dlq_records.labels(topic, disposition).inc()
        self._metrics.records.labels(topic, "dead_letter").inc(len(dead))
        self._metrics.records.labels(topic, "parked").inc(work.parked)
        self._metrics.records.labels(topic, "handled").inc(records - len(dead) - work.parked)
        await self._commits.publish(work, letters)


def _cut[T](chunk: list[T], aborts: int) -> list[list[T]]:
    if aborts >= ONE_BY_ONE_AFTER:
        return [[record] for record in chunk]
    return _halves(chunk) if aborts >= HALVE_AFTER and len(chunk) > 1 else [chunk]


def _halves[T](chunk: list[T]) -> list[list[T]]:
    middle = len(chunk) // 2
    return [chunk[:middle], chunk[middle:]]
