"""What becomes of one batch: each record gets exactly one fate, in as few transactions as the batch allows.

Conflicts run the batch again, then in halves, then one by one; a record that alone still fails is parked.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from shared import outbox, parking
from shared.commits import Commits, ConflictError, OutageError, TooSlowError
from shared.messages import Event
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.parking import ParkFullError
from shared.record import Bad, Batch, Received
from shared.work import TooLargeError, Work

REASON_CHARACTERS_MAX: Final = 500
HALVE_AFTER: Final = 3
ONE_BY_ONE_AFTER: Final = 5
ATTEMPTS_MAX: Final = 12
ATTEMPTS_ALONE_MAX: Final = 12
"""After so many conflicts of one record alone, over several seconds, it is the record and not another writer."""
JITTER_S: Final = 0.05
JITTER_DOUBLINGS_MAX: Final = 5

log = structlog.get_logger(__name__)

type Handler[E: Event] = Callable[[Batch[E], Work], Awaitable[None]]
type Record[E: Event] = Received[E] | Bad


class FollowerError(Exception):
    """A record of this unit comes behind one that the unit parks: cut there, so that it follows it into the park."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class LeftoversError(Exception):
    """Another owner of these partitions has committed events that are not published: they come first."""


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

    async def deliver(self, records: Sequence[Record[E]], stripe: str, *, settled: bool = True) -> int:
        """Return when every record has its fate: committed, and its events published; tell how many were bad.

        `settled`: no former owner of the partitions can still be at work on them. Where one may be, even a batch that
        publishes nothing waits for the events of what it finds done already.

        Raises:
            LeftoversError: publish what is left on the partitions, then deliver again.
            OutageError: MongoDB or Kafka is away; what is committed is told from a repeat the next time.
            ParkFullError: too much is parked.

        """
        pending = [list(records)]
        aborts = alone = bad = 0
        while pending:
            chunk = pending.pop(0)
            try:
                bad += await self._commit(chunk, stripe, settled=settled)
                alone = 0
            except ConflictError as conflict:
                aborts += 1
                alone = alone + 1 if len(chunk) == 1 else 0
                if conflict.may_last and alone >= ATTEMPTS_ALONE_MAX:
                    bad += await self._park(chunk[0], f"still_in_conflict: {conflict}", stripe, settled=settled)
                    alone = 0
                    continue
                if aborts > ATTEMPTS_MAX * (1 + len(records)):
                    message = f"{self._group}: still in conflict after {aborts} aborts"
                    raise OutageError(message) from None
                pending[:0] = _cut(chunk, aborts)
                await _jitter(alone)
            except FollowerError as follower:
                pending[:0] = [chunk[: follower.place], chunk[follower.place :]]
            except (OutageError, ParkFullError, LeftoversError) as error:
                if not isinstance(error, TooSlowError) or len(chunk) == 1:
                    raise
                pending[:0] = _halves(chunk)
            except Exception as error:  # noqa: BLE001 - halved until it is one record's, which _blame logs
                if len(chunk) > 1:
                    pending[:0] = _halves(chunk)
                    continue
                bad += await self._park(chunk[0], self._blame(error), stripe, settled=settled)
        return bad

    def _blame(self, error: Exception) -> str:
        """Say why a record that fails alone is parked: a bug, or an aggregate that cannot take the event."""
        if isinstance(error, TooLargeError):
            return "transaction_too_large"
        log.error("handler failed", group=self._group, exc_info=error)
        return f"handler_failed: {type(error).__name__}"

    async def replay(self, events: Sequence[Received[E]], work: Work) -> None:
        """Handle parked records inside an operator's release."""
        await self._handler(Batch(events, work.now), work)

    async def _commit(self, chunk: Sequence[Record[E]], stripe: str, *, settled: bool) -> int:
        async def decide(work: Work) -> None:
            received = [record for record in chunk if isinstance(record, Received)]
            parked = await parking.among(self._database, {it.event.aggregate for it in received}, work.session)
            for record in chunk:
                if isinstance(record, Bad):
                    work.reject(record, record.disposition, record.reason)
                elif record.event.aggregate in parked:
                    work.park(record, parking.BEHIND)
            free = [it for it in received if it.event.aggregate not in parked] if parked else received
            if free:
                await self._handler(Batch(free, work.now), work)
            if work.parked:
                _refuse_followers(chunk, work)

        return await self._finish(decide, stripe, chunk, settled=settled)

    async def _refuse_to_overtake(self, chunk: Sequence[Record[E]]) -> None:
        """Let nothing be published or acknowledged before what another owner has committed of these partitions.

        Two have the same records in hand when one was given up by its group and does not know it yet. The other finds
        them done, and would publish what follows before that one has published its own.

        Whoever publishes asks, also when settled: it may itself be the one that was given up, whose own assignment is
        long ago. If it publishes nothing, it does no harm: its acknowledgement is refused by the group.
        """
        partitions = {record.raw.partition for record in chunk}
        if await outbox.any_left_on(self._database, self._group, partitions):
            raise LeftoversError

    async def _park(self, record: Record[E], reason: str, stripe: str, *, settled: bool) -> int:
        async def decide(work: Work) -> None:
            if isinstance(record, Bad):  # even its dead letter failed: nothing of it can be kept but an outage
                raise OutageError(reason)
            work.park(record, reason[:REASON_CHARACTERS_MAX])

        attempts = 0
        while True:
            try:
                return await self._finish(decide, stripe, [record], settled=settled)
            except ConflictError as conflict:  # others write the same park, or the transaction was cut off
                attempts += 1
                if attempts == ATTEMPTS_ALONE_MAX:
                    message = f"{self._group}: a record could not be parked for conflicts"
                    raise OutageError(message) from conflict
            await _jitter(attempts)

    async def _finish(
        self, decide: Callable[[Work], Awaitable[None]], stripe: str, chunk: Sequence[Record[E]], *, settled: bool
    ) -> int:
        async def decide_in_turn(work: Work) -> None:
            await decide(work)
            if work.outgoing or not settled:
                await self._refuse_to_overtake(chunk)

        _, work, letters = await self._commits.commit(decide_in_turn, stripe=stripe, group=self._group)
        topic = self._group.partition(".")[2]
        dead = work.dispositions
        for disposition in dead:
            self._metrics.dlq_records.labels(topic, disposition).inc()
        self._metrics.records.labels(topic, "dead_letter").inc(len(dead))
        self._metrics.records.labels(topic, "parked").inc(len(work.parked))
        self._metrics.records.labels(topic, "handled").inc(len(chunk) - len(dead) - len(work.parked))
        if dead or work.parked:
            # Where, not what: the records themselves are read with `weir dlq` and `weir park`.
            reasons = sorted({reason for _, reason in work.parked})
            log.warning(
                "set aside", group=self._group, dead_letters=len(dead), parked=len(work.parked), reasons=reasons
            )
        await self._commits.publish(work, letters)
        return work.bad


async def _jitter(attempts: int) -> None:
    doublings = min(attempts, JITTER_DOUBLINGS_MAX)
    await asyncio.sleep(JITTER_S * 2**doublings * random.random())  # noqa: S311 - jitter, not a secret


def _refuse_followers[E: Event](chunk: Sequence[Record[E]], work: Work) -> None:
    parked = {id(received) for received, _ in work.parked}
    waiting: set[str] = set()
    for place, record in enumerate(chunk):
        if not isinstance(record, Received):
            continue
        if id(record) in parked:
            waiting.add(record.event.aggregate)
        elif record.event.aggregate in waiting:
            raise FollowerError(place)


def _cut[T](chunk: list[T], aborts: int) -> list[list[T]]:
    if aborts >= ONE_BY_ONE_AFTER:
        return [[record] for record in chunk]
    return _halves(chunk) if aborts >= HALVE_AFTER and len(chunk) > 1 else [chunk]


def _halves[T](chunk: list[T]) -> list[list[T]]:
    middle = len(chunk) // 2
    return [chunk[:middle], chunk[middle:]]
