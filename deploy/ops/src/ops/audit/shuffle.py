"""Rows in files, one set of files for each part of the keys: what belongs together is in one part, and fits in memory.

Nothing is sorted: a part is read whole, and joined by a dictionary. Several processes may write at once.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, get_args

import msgspec

from ops.audit import rows
from ops.audit.rows import AnyRow

ROWS_IN_MEMORY: Final = 20_000
ORDERS_PER_PART: Final = 2_500
PARTS_MAX: Final = 1_024
LENGTH_BYTES: Final = 4

_encode: Final = msgspec.msgpack.Encoder().encode


class Group[R]:
    """Rows that are joined with each other, by the same keys."""

    def __init__(self, name: str, decoder: msgspec.msgpack.Decoder[list[R]]) -> None:
        self.name = name
        self.decode = decoder.decode


ORDERS: Final = Group("orders", msgspec.msgpack.Decoder(list[rows.OfOrder]))
NUMBERS: Final = Group("numbers", msgspec.msgpack.Decoder(list[rows.OfNumber]))
PAYMENTS: Final = Group("payments", msgspec.msgpack.Decoder(list[rows.OfPayment]))
BLOCKS: Final = Group("blocks", msgspec.msgpack.Decoder(list[rows.OfBlock]))
BALANCES: Final = Group("balances", msgspec.msgpack.Decoder(list[rows.OfBalance]))
AGAIN: Final = Group("again", msgspec.msgpack.Decoder(list[rows.OfAgain]))

GROUPS: Final[Mapping[type[AnyRow], str]] = {
    row: group.name
    for group, kinds in (
        (AGAIN, rows.OfAgain),
        (ORDERS, rows.OfOrder),  # after AGAIN, which has some of its rows as well
        (NUMBERS, rows.OfNumber),
        (PAYMENTS, rows.OfPayment),
        (BLOCKS, rows.OfBlock),
        (BALANCES, rows.OfBalance),
    )
    for row in get_args(kinds)
}
"""Where a row is written unless it is said."""


class Parts(msgspec.Struct, frozen=True):
    """Where the parts are, and how many."""

    folder: str
    number: int

    @classmethod
    def for_orders(cls, folder: Path, orders: int) -> Self:
        """Return as many parts as so many orders need."""
        return cls(str(folder), min(PARTS_MAX, orders // ORDERS_PER_PART + 1))

    def place(self, group: str, part: int) -> Path:
        """Return the folder of a part: one of its own, since a large one is slow to list."""
        return Path(self.folder) / group / str(part)

    def of(self, key: str) -> int:
        """Return the part of a key; the same in every process."""
        return zlib.crc32(key.encode()) % self.number

    def read[R](self, group: Group[R], part: int) -> Iterator[Sequence[R]]:
        """Go through the rows of a part, in chunks; its files are gone afterwards."""
        for path in sorted(self.place(group.name, part).glob("*")):
            with path.open("rb") as file:
                while length := file.read(LENGTH_BYTES):
                    yield group.decode(file.read(int.from_bytes(length)))
            path.unlink()


class Writer:
    """Writes rows to their parts; what it still holds is written at the end of the `with`. `name`: only its own."""

    def __init__(self, parts: Parts, name: str) -> None:
        self._parts = parts
        self._name = name
        self._held: dict[tuple[str, int], list[AnyRow]] = {}
        self._count = 0

    def add(self, key: str, row: AnyRow, group: str | None = None) -> None:
        """Write a row to the part of its key, which is its first field."""
        place = group or GROUPS[type(row)], self._parts.of(key)
        held = self._held.get(place)
        if held is None:
            self._held[place] = [row]
        else:
            held.append(row)
        self._count += 1
        if self._count >= ROWS_IN_MEMORY:
            self._flush()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the rest."""
        if kind is None:
            self._flush()

    def _flush(self) -> None:
        for (group, part), held in self._held.items():
            content = _encode(held)
            self._append(self._parts.place(group, part), len(content).to_bytes(LENGTH_BYTES) + content)
        self._held, self._count = {}, 0

    def _append(self, folder: Path, content: bytes) -> None:
        path = folder / self._name
        try:
            file = path.open("ab")
        except FileNotFoundError:  # it is the first of this part
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        with file:
            file.write(content)
