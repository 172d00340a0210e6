"""When each order was done: committed offsets over time, and what follows from them. Pure; times are Unix seconds."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Settled(NamedTuple):
    """One payout-settled record: where it stands, which order it is about, and when that order was published."""

    partition: int
    offset: int
    order: int
    published_at: float


class Timeline:
    """Looks at the committed offsets of payout-settled: of each partition the lower one of split and merchant.

    An order is done when both have committed past its record. A moment is known to the interval between two looks;
    the later one counts.
    """

    def __init__(self, begin: Sequence[int]) -> None:
        """`begin` is the end of each partition before the run."""
        self.times: array[float] = array("d")
        self.published: array[int] = array("q")
        self.completed: array[int] = array("q")
        self._begin = list(begin)
        self._columns: list[array[int]] = [array("q") for _ in begin]

    def look(self, at: float, committed: Sequence[int], published: int) -> int:
        """Record one look, and how many orders were published by then; return how many are done."""
        self.times.append(at)
        self.published.append(published)
        for column, offset in zip(self._columns, committed, strict=True):
            column.append(offset)
        done = sum(max(0, it - begin) for it, begin in zip(committed, self._begin, strict=True))
        self.completed.append(done)
        return done

    def done_at(self, partition: int, offset: int) -> float | None:
        """Return the first look that saw this record committed by both; None if none did."""
        place = bisect_right(self._columns[partition], offset)
        return self.times[place] if place < len(self.times) else None

    def place(self, at: float) -> int:
        """Return the first look at or after a moment; the last one if there is none."""
        return min(bisect_left(self.times, at), len(self.times) - 1)


class Window(NamedTuple):
    """What happened between two looks. `backlog_grew`: by how many orders, from the first third to the last."""

    seconds: float
    offered: int
    completed: int
    backlog_grew: float

    @property
    def per_s(self) -> float:
        """Orders done a second."""
        return self.completed / self.seconds

    def sustained(self, rate: float) -> bool:
        """Say whether the rate was kept up with: 98 % of it done, and half a second of it at most piled up."""
        return self.completed >= 0.98 * rate * self.seconds and self.backlog_grew <= 0.5 * rate


def window(line: Timeline, since: float, until: float) -> Window:
    """Return what happened between the looks nearest after these two moments."""
    first, last = line.place(since), line.place(until)
    backlog = [line.published[it] - line.completed[it] for it in range(first, last + 1)]
    third = max(1, len(backlog) // 3)
    return Window(
        seconds=line.times[last] - line.times[first],
        offered=line.published[last] - line.published[first],
        completed=line.completed[last] - line.completed[first],
        backlog_grew=_mean(backlog[-third:]) - _mean(backlog[:third]),
    )


def latencies(line: Timeline, settled: Iterable[Settled], since: float, until: float) -> list[float]:
    """Return, sorted, the seconds from published to done of the orders that were done in a window."""
    first, last = line.times[line.place(since)], line.times[line.place(until)]
    found = ((it.published_at, line.done_at(it.partition, it.offset)) for it in settled)
    return sorted(done - published for published, done in found if done is not None and first < done <= last)


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers)
