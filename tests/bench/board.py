"""A few numbers that the harness and the generator share, so that neither has to ask the other."""

import asyncio
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Final

SLOTS: Final = ("ready", "go", "stop", "published", "completed")
BYTES: Final = 8 * len(SLOTS)


class Board:
    """Numbers in a file that both processes have mapped; each slot has one writer."""

    def __init__(self, path: Path) -> None:
        """Open the board, made by `create`."""
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), BYTES)
        self._slots = memoryview(self._map).cast("q")

    @classmethod
    def create(cls, path: Path) -> "Board":
        """Make an empty board."""
        path.write_bytes(bytes(BYTES))
        return cls(path)

    def get(self, slot: str) -> int:
        """Return the number in a slot."""
        return self._slots[SLOTS.index(slot)]

    def put(self, slot: str, number: int) -> None:
        """Write the number of a slot."""
        self._slots[SLOTS.index(slot)] = number

    async def until(self, reached: Callable[["Board"], bool], every_s: float) -> None:
        """Wait until the board shows what is waited for."""
        while not reached(self):  # noqa: ASYNC110 - nothing tells when another process writes
            await asyncio.sleep(every_s)

    def close(self) -> None:
        """Unmap the file."""
        self._slots.release()
        self._map.close()
