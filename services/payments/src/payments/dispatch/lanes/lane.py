"""One lane: what waits, what is being sent, and how much of it may leave now. Memory only; nothing is awaited here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from payments.dispatch.lanes.pace import Pace

WAITING_MAX: Final = 5_000
"""Items that one lane keeps in memory. A hand-over that does not fit is fetched again when there is room."""

WAITING_BYTES_MAX: Final = 32_000_000
"""The same limit for large ones: a single order may have 1 MiB."""

BATCH_WEIGHT_MAX: Final = 1_000
"""Instructions of one request. One item may weigh up to 608 (600 legs, 8 subsidies)."""

IN_FLIGHT_MAX: Final = 2
PACE_S_MIN: Final = 0.001
RELOADED_MAX: Final = 4
"""Hand-overs fetched again at a time: each has up to 500 items."""


class Line(NamedTuple):
    """Where a lane leads: an account at an institution, and there one receiver where the profile limits each."""

    profile: str
    account: str
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class Item[T]:
    """Something to send: so many instructions, so many bytes of memory. Of one id, a lane has one at a time."""

    id: str
    weight: int
    size: int
    content: T


class Lane[T]:
    """A queue of items. It is open, as a circuit breaker is, while `failures`: then one probe goes at a time."""

    def __init__(self, line: Line, pace: Pace) -> None:
        self.line = line
        self.pace = pace
        self.silent = False
        """Whether the last request had no answer. What goes out next may have to be asked after: it is one item."""
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
        """Whether there is anything to do."""
        return bool(self.workers or self._waiting)

    def add(self, items: Sequence[Item[T]], handover: str) -> None:
        """Queue items that are not there yet; a hand-over as a whole, or not now."""
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
        """Tell whether another request may go out beside those that are under way."""
        allowed = 1 if self.failures else IN_FLIGHT_MAX
        return bool(self._waiting) and self.workers < allowed

    def take(self) -> list[Item[T]]:
        """Take the next batch: as much as the pace allows; while the institution is silent, one item to probe it with.

        What is being sent is not sent beside itself; its next step waits here for its turn.
        """
        batch: list[Item[T]] = []
        weight, allowed = 0, min(1, self.pace.allowed()) if self.silent else self.pace.allowed()
        for item in self._waiting.values():
            if len(batch) >= allowed:
                break
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
        self.pace.spend(len(batch))
        return batch

    @property
    def paced_s(self) -> float:
        """How long something that could be sent has to wait for its turn; 0 where nothing waits for that alone."""
        waits = any(identity not in self._sending for identity in self._waiting)
        return max(self.pace.wait_s, PACE_S_MIN) if waits else 0.0

    def put_back(self, batch: list[Item[T]]) -> None:
        """Queue a batch again, before everything else."""
        self.drop(batch)
        self._waiting = {item.id: item for item in batch} | self._waiting
        self._size = sum(item.size for item in self._waiting.values())

    def drop(self, batch: list[Item[T]]) -> None:
        """Forget that a batch is being sent."""
        self._sending.difference_update(item.id for item in batch)
