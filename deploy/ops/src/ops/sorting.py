"""Sorts more rows than memory holds, and joins sorted rows, for comparing stores that each have their own order."""

import heapq
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import IO, Any, Final

ROWS_IN_MEMORY: Final = 50_000
FIRST: Final = itemgetter(0)

Row = tuple[Any, ...]


class Sorter:
    """Takes rows in any order and gives them back by their first value; what memory does not hold is in files."""

    def __init__(self, rows_in_memory: int = ROWS_IN_MEMORY) -> None:
        """Hold up to `rows_in_memory` rows before the first file."""
        self._limit = rows_in_memory
        self._rows: list[Row] = []
        self._runs: list[tuple[IO[bytes], int]] = []
        self._count = 0

    def __len__(self) -> int:
        """Count the rows taken."""
        return self._count

    def add(self, row: Row) -> None:
        """Take a row."""
        self._rows.append(row)
        self._count += 1
        if len(self._rows) >= self._limit:
            self._spill()

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows in order; rows of one value in the order in which they came. Only once."""
        self._rows.sort(key=FIRST)
        try:
            yield from heapq.merge(*(_stored(file, rows) for file, rows in self._runs), self._rows, key=FIRST)
        finally:
            for file, _ in self._runs:
                file.close()
            self._runs, self._rows = [], []

    def _spill(self) -> None:
        self._rows.sort(key=FIRST)
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the rows have been read
        for row in self._rows:
            pickle.dump(row, file, protocol=pickle.HIGHEST_PROTOCOL)
        file.seek(0)
        self._runs.append((file, len(self._rows)))
        self._rows = []


def in_order(rows: Iterable[Row], rows_in_memory: int = ROWS_IN_MEMORY) -> Iterator[Row]:
    """Return rows sorted by their first value."""
    sorter = Sorter(rows_in_memory)
    for row in rows:
        sorter.add(row)
    return iter(sorter)


def _stored(file: IO[bytes], rows: int) -> Iterator[Row]:
    for _ in range(rows):
        row: Row = pickle.load(file)  # noqa: S301 - written by this process a moment ago, in a file without a name
        yield row


def distinct(sorted_rows: Iterable[Row]) -> Iterator[Any]:
    """Return each first value once."""
    return (value for value, _ in groupby(sorted_rows, key=FIRST))


def joined(*sorted_rows: Iterable[Row]) -> Iterator[tuple[Any, Sequence[list[Row]]]]:
    """Join sorted rows by their first value: each value once, with the rest of its rows from each side, in order."""
    merged = heapq.merge(*(_tagged(side, rows) for side, rows in enumerate(sorted_rows)), key=FIRST)
    for value, found in groupby(merged, key=FIRST):
        sides: list[list[Row]] = [[] for _ in sorted_rows]
        for _, side, rest in found:
            sides[side].append(rest)
        yield value, sides


def _tagged(side: int, rows: Iterable[Row]) -> Iterator[Row]:
    return ((row[0], side, row[1:]) for row in rows)
