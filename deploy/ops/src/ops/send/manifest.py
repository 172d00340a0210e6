"""What was sent: one JSON line an order under `.weir/sent/<marketplace>/`, so that others know what must arrive.

A line is on disk before its order is published: an order that never reached Kafka is missed, not forgotten. A file is
locked for as long as the run lasts that writes it, however that ends.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

SENT: Final = Path(".weir/sent")


class Manifest:
    """The order ids that one run of `weir send` publishes, a file for each marketplace."""

    def __init__(self, started_at: datetime, folder: Path = SENT) -> None:
        """Name the files of this run by when it started."""
        self._name = f"{started_at:%Y%m%dT%H%M%S%f}.jsonl"
        self._folder = folder
        self._files: dict[str, TextIO] = {}

    def add(self, keys: Iterable[str]) -> None:
        """Write the keys (`<marketplace>/<order_id>`) of a batch, and flush them."""
        for key in keys:
            marketplace, _, order_id = key.partition("/")
            self._file(marketplace).write(json.dumps({"marketplace": marketplace, "order_id": order_id}) + "\n")
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()

    def _file(self, marketplace: str) -> TextIO:
        if marketplace not in self._files:
            path = self._folder / marketplace / self._name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[marketplace] = path.open("w", encoding="utf-8")
            fcntl.flock(self._files[marketplace], fcntl.LOCK_EX)
        return self._files[marketplace]


def marketplaces(folder: Path = SENT) -> list[str]:
    """Return the marketplaces to which anything was sent from here."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def being_sent(marketplace: str, folder: Path = SENT) -> bool:
    """Say whether a run is still sending to a marketplace: what it has listed may not be on Kafka yet."""
    for path in (folder / marketplace).glob("*.jsonl"):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False


def keys(marketplace: str, folder: Path = SENT) -> Iterator[str]:
    """Return the keys of everything sent to a marketplace, in the order of sending; a key sent twice comes twice."""
    for path in sorted((folder / marketplace).glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith(
                    "\n"
                ):  # a run that was killed may have left half a line, whose order was not published
                    sent = json.loads(line)
                    yield f"{sent['marketplace']}/{sent['order_id']}"
