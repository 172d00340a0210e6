"""Who a receiver is at an institution: a file of its account, since no message carries such numbers.

`<root>/<account>/receivers` has one receiver a line: `merchant:acme 1900000110`, or `platform:commission 1900000109`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

FILE: Final = "receivers"
WORDS: Final = 2

log = structlog.get_logger(__name__)


class Directory:
    """The receivers of every account in `root`, read again when a file changes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[int, dict[str, str]]] = {}

    async def identify(self, account: str, receivers: Sequence[str]) -> Mapping[str, str]:
        """Return the institution's own numbers of these receivers; those it has none for are missing."""
        known = self._read(account)
        return {it: known[it] for it in receivers if it in known}

    def _read(self, account: str) -> dict[str, str]:
        if "/" in account or account in {"", ".", ".."}:
            return {}
        path = self._root / account / FILE
        version, known = self._known.get(account, (0, {}))
        try:
            now = path.stat().st_mtime_ns
            if now != version:
                known = dict(_pair(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
                self._known[account] = now, known
        except (OSError, ValueError) as error:
            log.warning("receivers not read, the last good ones stay", account=account, problem=str(error))
        return known


def _pair(line: str) -> tuple[str, str]:
    words = line.split()
    if len(words) != WORDS:
        message = f"{line!r} is not a receiver and its number"
        raise ValueError(message)
    return words[0], words[1]
