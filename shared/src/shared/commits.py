"""One unit of work, one transaction: decide, write, commit, publish from memory, forget.

Every write of Weir goes through here: batches of a consumer, HTTP requests, what the clock or an institution causes.
"""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from shared import mongo, outbox
from shared.metrics import KitMetrics
from shared.mongo import Client, Database
from shared.publisher import Publisher, PublishError
from shared.work import CompareFailedError, Work

ATTEMPTS_MAX: Final = 10
COMMIT_ATTEMPTS_MAX: Final = 3
BACKOFF_S: Final = 0.02
CUT_OFF_SESSIONS_MAX: Final = 100

log = structlog.get_logger(__name__)


class ConflictError(Exception):
    """Somebody else wrote first; nothing of this unit is stored. Run it again.

    `may_last`: a document exists or is not as it was read. Mostly another's write is seen by the next run; a unit that
    contradicts itself, such as inserting one id twice, stays in conflict.
    """

    def __init__(self, message: str, *, may_last: bool = False) -> None:
        super().__init__(message)
        self.may_last = may_last


class OutageError(Exception):
    """MongoDB or Kafka cannot be reached, or did not answer. Nothing is wrong with the data: wait and try again."""


class TooSlowError(OutageError):
    """The transaction took longer than 45 s. A smaller unit may not."""


class Commits:
    """Commits units of work of one service."""

    def __init__(
        self, service: str, client: Client, database: Database, publisher: Publisher, metrics: KitMetrics
    ) -> None:
        self._service = service
        self._client = client
        self._database = database
        self._publisher = publisher
        self._metrics = metrics
        self._idle: list[mongo.Session] = []
        self.unpublished = asyncio.Event()
        """Set when events of the clock or the API could not be published: they are in the outbox, for Relay.follow."""
        self._cut_off: deque[mongo.Document] = deque(maxlen=CUT_OFF_SESSIONS_MAX)

    async def run[T](
        self, decide: Callable[[Work], Awaitable[T]], *, origin: str = "api", attempts_max: int = ATTEMPTS_MAX
    ) -> T:
        """Run one unit of work for the API or the clock until it is committed; return what it decided.

        `decide` runs again from scratch after a conflict, so it must read all it depends on through `work.session`.
        If Kafka is away, the events stay in the outbox, and are published when it answers again.

        Raises:
            ConflictError: still in conflict after `attempts_max` attempts; ten wait 5 s in all, or twice that.
            OutageError: MongoDB did not answer.

        """
        attempts = 0
        while True:
            attempts += 1
            try:
                decided, work, letters = await self.commit(decide, stripe=f"{origin}#0", group=origin)
                break
            except ConflictError:
                if attempts == attempts_max:
                    raise
            await asyncio.sleep(BACKOFF_S * 2 ** (attempts - 1) * random.random())  # noqa: S311 - jitter, not a secret
        try:
            await self.publish(work, letters)
        except OutageError as error:
            self.unpublished.set()
            log.warning("published later", events=len(work.outgoing), error=str(error))
        return decided

    async def commit[T](
        self, decide: Callable[[Work], Awaitable[T]], *, stripe: str, group: str
    ) -> tuple[T, Work, list[Any]]:
        """Commit one unit of work, once; return its decision, its work, and the outbox documents to remove.

        Raises:
            ConflictError, OutageError: nothing is stored, or (after an unknown commit) perhaps everything is.
            TooLargeError, TooSlowError: cut the unit.
            ParkFullError: stop and page.

        """
        begun: mongo.Document | None = None
        with self._metrics.transaction_seconds.time():
            try:
                async with asyncio.timeout(mongo.TRANSACTION_S_MAX), self._session() as session:
                    await self._end_cut_off()
                    begun = mongo.identity_of(session)
                    work = Work(
                        service=self._service, session=session, stripe=stripe, group=group, now=datetime.now(UTC)
                    )
                    async with mongo.start_transaction(session):
                        decided = await decide(work)
                        letters = await work.write(self._database)
                        await self._commit(session)
            except CompareFailedError as error:
                self._metrics.transaction_retries.inc()
                raise ConflictError(str(error), may_last=True) from error
            except TimeoutError as error:
                self._cut_off.extend([begun] if begun else [])
                message = f"transaction took longer than {mongo.TRANSACTION_S_MAX} s"
                raise TooSlowError(message) from error
            except PyMongoError as error:
                if mongo.is_outage(error):
                    self._cut_off.extend([begun] if begun else [])
                    raise OutageError(repr(error)) from error
                if mongo.is_conflict(error):
                    self._metrics.transaction_retries.inc()
                    raise ConflictError(repr(error), may_last=mongo.is_duplicate(error)) from error
                raise
        # A callback may hold what holds the unit: left there, every unit would wait for the collector, and the process
        # would hold the documents of many.
        callbacks, work.committed = work.committed, []
        for callback in callbacks:
            callback()
        return decided, work, letters

    async def publish(self, work: Work, letters: list[Any]) -> None:
        """Publish the events of a committed unit, then forget them.

        Raises:
            OutageError: Kafka did not take them in time; they stay in the outbox.

        """
        if not work.outgoing:
            return
        try:
            await self._publisher.publish(work.outgoing)
            await outbox.remove(self._database, letters)
        except PublishError as error:
            raise OutageError(str(error)) from error
        except PyMongoError as error:  # published, but not forgotten: it will be published again, which readers tell
            raise OutageError(repr(error)) from error

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[mongo.Session]:
        """Give a session, and keep it for the next unit of work if this one ends well."""
        session = self._idle.pop() if self._idle else await self._client.start_session()
        try:
            yield session
        except BaseException:
            await session.end_session()
            raise
        self._idle.append(session)

    async def _end_cut_off(self) -> None:
        if not self._cut_off:
            return
        sessions = list(self._cut_off)
        self._cut_off.clear()
        try:
            await mongo.end_sessions(self._client, sessions)
        except PyMongoError:
            self._cut_off.extend(sessions)
            raise

    async def _commit(self, session: mongo.Session) -> None:
        for attempt in range(COMMIT_ATTEMPTS_MAX):
            try:
                await session.commit_transaction()
            except PyMongoError as error:
                if attempt == COMMIT_ATTEMPTS_MAX - 1 or not mongo.is_commit_unknown(error):
                    raise
            else:
                return
