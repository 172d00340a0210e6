"""Lanes: one queue per channel account and operation, so that a slow institution stops nobody but itself.

A lane is memory only. All that it holds is stored too, in a hand-over: the sweep brings back what a crash leaves, and
the lane itself what it had no room for.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog

from payments.channels.port import NotSentError
from shared.commits import ConflictError, OutageError
from shared.mongo import PyMongoError

WAITING_MAX: Final = 5_000
"""Items that one lane keeps in memory. A hand-over that does not fit is fetched again when there is room."""

WAITING_BYTES_MAX: Final = 32_000_000
"""The same limit for large ones: a single order may have 1 MiB."""

BATCH_WEIGHT_MAX: Final = 1_000
"""Instructions of one request. One item may weigh up to 608 (600 legs, 8 subsidies)."""

IN_FLIGHT_MAX: Final = 2
RELOADED_MAX: Final = 4
"""Hand-overs fetched again at a time: each has up to 500 items."""

LANES_MAX: Final = 1_000
"""Beyond it, lanes with nothing to do are forgotten: accounts are named from outside."""

LOGGED_MAX: Final = 10
"""Items named in one line of the log."""

BACKOFF_FIRST_S: Final = 0.25
BACKOFF_S_MAX: Final = 30.0

log = structlog.get_logger(__name__)


class Line(NamedTuple):
    """Where a lane leads: an account at an institution."""

    profile: str
    account: str


@dataclass(frozen=True, slots=True)
class Item[T]:
    """Something to send: so many instructions, so many bytes of memory. Of one id, a lane has one at a time."""

    id: str
    weight: int
    size: int
    content: T


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

    def __init__(self, name: str, send: Send[T], recovered: Recovered) -> None:
        """`recovered` is called when an institution answers that did not before, or for the first time."""
        self.concluded: Handed = _nothing
        """Told of hand-overs of which every item is concluded."""
        self.reload: Handed = _nothing
        """Asked to hand in again what there was no room for."""
        self._name = name
        self._send = send
        self._recovered = recovered
        self._lanes: dict[Line, _Lane[T]] = {}
        self._group: asyncio.TaskGroup | None = None

    def hand(self, line: Line, items: Sequence[Item[T]], handover: str = "") -> None:
        """Queue items; those already there are left out. Never blocks, never raises: for after_commit.

        A hand-over is taken whole or put off; items without one, too many, are left to the clock.
        """
        lane = self._lanes.get(line)
        if lane is None:
            if len(self._lanes) >= LANES_MAX:
                self._lanes = {it.line: it for it in self._lanes.values() if it.busy}
            lane = self._lanes[line] = _Lane(line)
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

    def _start(self, lane: "_Lane[T]") -> None:
        if self._group is not None and lane.wants_worker():
            lane.workers += 1
            self._group.create_task(self._work(lane))

    async def _work(self, lane: "_Lane[T]") -> None:
        """Send batches until the lane is empty."""
        try:
            # A cancellation can get lost inside a commit (the driver turns it into an error of its own).
            while self._group is not None and (batch := lane.take()):
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

    async def _attempt(self, lane: "_Lane[T]", batch: list[Item[T]]) -> bool:
        """Send one batch; tell whether to wait before the next: no answer came, or not all of it could be stored."""
        try:
            answered = await self._send(lane.line, [item.content for item in batch])
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

    def _leave(self, lane: "_Lane[T]", batch: list[Item[T]], error: NotRecordedError) -> list[Item[T]]:
        """Leave to the sweep what contradicts the store or is a bug: it is stored as `sending`. Return the rest."""
        reasons = {id(content): reason for content, reason in error.left}
        left = [item for item in batch if id(item.content) in reasons]
        for reason in dict.fromkeys(reasons.values()):
            items = [item.id for item in left if reasons[id(item.content)] is reason]
            log.error("left to the sweep", lane=self._name, line=lane.line, items=items[:LOGGED_MAX], exc_info=reason)
        lane.drop(left)
        return [item for item in batch if id(item.content) not in reasons]

    async def _conclude(self, lane: "_Lane[T]", batch: list[Item[T]], *, answered: bool) -> None:
        if done := lane.finish(batch):
            with contextlib.suppress(PyMongoError):  # one that stays is found empty by the sweep
                await self.concluded(done)
        if not answered:
            lane.failures += 1
        elif lane.failures or not lane.answered:
            lane.failures, lane.answered = 0, True
            self._start(lane)
            with contextlib.suppress(Exception):  # asking early only saves time; every ask has its own time as well
                await self._recovered(lane.line)


class _Lane[T]:
    def __init__(self, line: Line) -> None:
        self.line = line
        self.workers = 0
        self.failures = 0
        self.answered = False
        self._waiting: dict[str, Item[T]] = {}
        self._sending: set[str] = set()
        self._handover_of: dict[str, str] = {}
        self._open: dict[str, int] = {}
        self._put_off: dict[str, None] = {}
        self._size = 0

    @property
    def busy(self) -> bool:
        return bool(self.workers or self._waiting)

    def add(self, items: Sequence[Item[T]], handover: str) -> None:
        if handover and not self._fits(len(items), sum(item.size for item in items)):
            self._put_off[handover] = None
            return
        for item in items:
            if handover and item.id not in self._handover_of:
                self._handover_of[item.id] = handover
                self._open[handover] = self._open.get(handover, 0) + 1
            if item.id in self._waiting or (handover and item.id in self._sending):
                continue
            if handover or self._fits(1, item.size):
                self._waiting[item.id] = item
                self._size += item.size

    def _fits(self, items: int, size: int) -> bool:
        """Tell whether there is room; in an empty lane there always is."""
        within = len(self._waiting) + items <= WAITING_MAX and self._size + size <= WAITING_BYTES_MAX
        return within or not self._waiting

    def with_room(self) -> list[str]:
        """Return hand-overs that were put off, once there is room for them."""
        if not self._put_off or len(self._waiting) > WAITING_MAX // 2 or self._size > WAITING_BYTES_MAX // 2:
            return []
        some = list(self._put_off)[:RELOADED_MAX]
        for handover in some:
            del self._put_off[handover]
        return some

    def finish(self, batch: list[Item[T]]) -> list[str]:
        """Forget a batch that is concluded; return the hand-overs that are so with it."""
        self.drop(batch)
        done: list[str] = []
        for item in batch:
            if item.id in self._waiting:  # its next step
                continue
            handover = self._handover_of.pop(item.id, "")
            if handover:
                self._open[handover] -= 1
                if not self._open[handover]:
                    del self._open[handover]
                    done.append(handover)
        return done

    def wants_worker(self) -> bool:
        allowed = 1 if self.failures else IN_FLIGHT_MAX
        return bool(self._waiting) and self.workers < allowed

    def take(self) -> list[Item[T]]:
        """Take the next batch. What is being sent is not sent beside itself; its next step waits here for its turn."""
        batch: list[Item[T]] = []
        weight = 0
        for item in self._waiting.values():
            if item.id in self._sending:
                continue
            weight += item.weight
            if batch and weight > BATCH_WEIGHT_MAX:
                break
            batch.append(item)
        for item in batch:
            del self._waiting[item.id]
            self._size -= item.size
            self._sending.add(item.id)
        return batch

    def put_back(self, batch: list[Item[T]]) -> None:
        self.drop(batch)
        self._waiting = {item.id: item for item in batch} | self._waiting
        self._size = sum(item.size for item in self._waiting.values())

    def drop(self, batch: list[Item[T]]) -> None:
        self._sending.difference_update(item.id for item in batch)


async def _nothing(_: list[str]) -> None:
    """Nobody is told."""


def _backoff(failures: int) -> float:
    full = min(BACKOFF_S_MAX, BACKOFF_FIRST_S * 2.0 ** min(failures - 1, 16))
    return full * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
