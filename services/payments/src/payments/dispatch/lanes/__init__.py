"""Lanes: one queue per channel account and operation, so that a slow institution stops nobody but itself.

A lane is memory only. All that it holds is stored too, in a hand-over: the sweep brings back what a crash leaves, and
the lane itself what it had no room for.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from payments.channels.port import NotSentError, RateLimitedError
from payments.dispatch.lanes.lane import Item, Lane, Line
from payments.dispatch.lanes.pace import Pace
from shared.commits import ConflictError, OutageError
from shared.mongo import PyMongoError

__all__ = ["Handed", "Item", "Lanes", "Line", "NotRecordedError", "Pace", "Recovered", "Send"]

LANES_MAX: Final = 1_000
"""Beyond it, lanes with nothing to do are forgotten: accounts are named from outside."""

LOGGED_MAX: Final = 10
"""Items named in one line of the log."""

BACKOFF_FIRST_S: Final = 0.25
BACKOFF_S_MAX: Final = 30.0

log = structlog.get_logger(__name__)


class NotRecordedError(Exception):
    """What came of `left` cannot be recorded, for these reasons; the rest is. `answered`: as Send returns it."""

    def __init__(self, left: Sequence[tuple[object, Exception]], *, answered: bool) -> None:
        super().__init__(f"{len(left)} not recorded")
        self.left = left
        self.answered = answered


type Send[T] = Callable[[Line, list[T]], Awaitable[bool]]
"""Send a batch and commit what came of it; False when the institution gave no answer.

May raise NotSentError, NotRecordedError, ConflictError and OutageError.
"""

type Recovered = Callable[[Line], Awaitable[None]]
type Handed = Callable[[list[str]], Awaitable[None]]
"""Told of hand-overs, by id."""


class Lanes[T]:
    """All lanes of one operation."""

    def __init__(
        self, name: str, send: Send[T], recovered: Recovered, pace_of: Callable[[Line], Pace] = lambda _: Pace()
    ) -> None:
        """`recovered` is called when an institution answers that did not before, or for the first time."""
        self.concluded: Handed = _nothing
        """Told of hand-overs of which every item is concluded."""
        self.reload: Handed = _nothing
        """Asked to hand in again what there was no room for."""
        self._name = name
        self._send = send
        self._recovered = recovered
        self._pace_of = pace_of
        self._lanes: dict[Line, Lane[T]] = {}
        self._group: asyncio.TaskGroup | None = None

    def open(self) -> Counter[str]:
        """Return how many lanes of each profile are open, as circuit breakers are: their institution did not answer."""
        return Counter(it.line.profile for it in self._lanes.values() if it.failures)

    def hand(self, line: Line, items: Sequence[Item[T]], handover: str = "") -> None:
        """Queue items; those already there are left out. Never blocks, never raises: for after_commit.

        A hand-over is taken whole or put off; items without one, too many, are left to the clock.
        """
        lane = self._lanes.get(line)
        if lane is None:
            if len(self._lanes) >= LANES_MAX:
                self._lanes = {it.line: it for it in self._lanes.values() if it.busy}
            lane = self._lanes[line] = Lane(line, self._pace_of(line))
        lane.add(items, handover)
        self._start(lane)

    async def run(self) -> None:
        """Send what is handed in, for ever."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for lane in self._lanes.values():
                self._start(lane)
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None  # what is handed in while the service stops stays stored, for the sweep of another

    def _start(self, lane: Lane[T]) -> None:
        if self._group is not None and lane.wants_worker():
            lane.workers += 1
            self._group.create_task(self._work(lane))

    async def _work(self, lane: Lane[T]) -> None:
        """Send batches until the lane is empty."""
        try:
            # A cancellation can get lost inside a commit (the driver turns it into an error of its own).
            while self._group is not None and (batch := await self._next(lane)):
                self._start(lane)
                failed = await self._attempt(lane, batch)
                if put_off := lane.with_room():
                    with contextlib.suppress(PyMongoError, ConflictError, OutageError):  # the sweep comes by as well
                        await self.reload(put_off)
                if failed:
                    await asyncio.sleep(_backoff(lane.failures))
                if lane.failures and lane.workers > 1:
                    return  # one probe at a time
        finally:
            lane.workers -= 1

    async def _next(self, lane: Lane[T]) -> list[Item[T]]:
        """Return the next batch, once the pace of the institution allows one; none when nothing waits for that."""
        while self._group is not None and not (batch := lane.take()):
            if not (paced_s := lane.paced_s):
                return []
            await asyncio.sleep(paced_s)
        return batch if self._group is not None else []

    async def _attempt(self, lane: Lane[T], batch: list[Item[T]]) -> bool:
        """Send one batch; tell whether to wait before the next: no answer came, or not all of it could be stored."""
        try:
            answered = await self._send(lane.line, [item.content for item in batch])
        except RateLimitedError as error:  # it lives, and does nothing before its time
            lane.put_back(batch)
            lane.pace.rest(error.after_s)
            return False
        except NotSentError as error:
            lane.failures += 1
            lane.put_back(batch)
            log.warning("not sent, sent again later", lane=self._name, line=lane.line, error=str(error)[:300])
            return True
        except (ConflictError, OutageError) as error:
            # It has answered, and that could not be stored. By the same numbers it answers again, and does nothing.
            lane.failures += 1
            lane.put_back(batch)
            log.warning("not stored, asked again later", lane=self._name, line=lane.line, error=str(error)[:300])
            return True
        except NotRecordedError as error:
            await self._conclude(lane, self._leave(lane, batch, error), answered=error.answered)
            return True
        except Exception:
            # A bug: the stored state is the truth, and the sweep comes by.
            log.exception("left to the sweep", lane=self._name, line=lane.line, items=len(batch))
            lane.drop(batch)
            return True
        await self._conclude(lane, batch, answered=answered)
        return not answered

    def _leave(self, lane: Lane[T], batch: list[Item[T]], error: NotRecordedError) -> list[Item[T]]:
        """Leave to the sweep what contradicts the store or is a bug: it is stored as `sending`. Return the rest."""
        reasons = {id(content): reason for content, reason in error.left}
        left = [item for item in batch if id(item.content) in reasons]
        for reason in dict.fromkeys(reasons.values()):
            items = [item.id for item in left if reasons[id(item.content)] is reason]
            log.error("left to the sweep", lane=self._name, line=lane.line, items=items[:LOGGED_MAX], exc_info=reason)
        lane.drop(left)
        return [item for item in batch if id(item.content) not in reasons]

    async def _conclude(self, lane: Lane[T], batch: list[Item[T]], *, answered: bool) -> None:
        if done := lane.finish(batch):
            with contextlib.suppress(PyMongoError):  # one that stays is found empty by the sweep
                await self.concluded(done)
        lane.silent = not answered
        if not answered:
            lane.failures += 1
        elif lane.failures or not (lane.answered or lane.line.receiver):  # what waits, waits by account
            lane.failures, lane.answered = 0, True
            self._start(lane)
            with contextlib.suppress(Exception):  # asking early only saves time; every ask has its own time as well
                await self._recovered(lane.line)


async def _nothing(_: list[str]) -> None:
    """Nobody is told."""


def _backoff(failures: int) -> float:
    full = min(BACKOFF_S_MAX, BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 16))
    return full * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
