"""Sorts more rows than memory holds, and joins sorted rows, for comparing stores that each have their own order."""

import heapq
import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import IO, Any, Final

ROWS_IN_MEMORY: Final = 200_000
FIRST: Final = itemgetter(0)

Row = tuple[Any, ...]


def in_order(rows: Iterable[Row], rows_in_memory: int = ROWS_IN_MEMORY) -> Iterator[Row]:
    """Return rows sorted by their first value; beyond `rows_in_memory` through temporary files."""
    source = iter(rows)
    first = sorted(islice(source, rows_in_memory), key=FIRST)
    runs: list[Iterator[Row]] = [iter(first)]
    files: list[IO[bytes]] = []
    try:
        while chunk := sorted(islice(source, rows_in_memory), key=FIRST):
            file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, when all runs are merged
            files.append(file)
            for row in chunk:
                pickle.dump(row, file, protocol=pickle.HIGHEST_PROTOCOL)
            file.seek(0)
            runs.append(_stored(file, len(chunk)))
        yield from heapq.merge(*runs, key=FIRST)
    finally:
        for file in files:
            file.close()


def _stored(file: IO[bytes], rows: int) -> Iterator[Row]:
    for _ in range(rows):
        row: Row = pickle.load(file)  # noqa: S301 - written by this process a moment ago, in a file without a name
        yield row


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
