"""Tells a broken upstream from a bad record: when a fifth of the last 1,000 records is bad, it is an outage."""

from collections import deque
from typing import Final

WINDOW_RECORDS: Final = 1_000
BAD_SHARE_MAX: Final = 0.2


class Breaker:
    """Remembers the last 1,000 fates of one consumer. It judges full windows only."""

    def __init__(self) -> None:
        self._bad: deque[bool] = deque(maxlen=WINDOW_RECORDS)

    def note(self, *, good: int, bad: int) -> None:
        """Add the fates of one batch."""
        self._bad.extend([False] * good + [True] * bad)

    @property
    def open(self) -> bool:
        """Whether to stop: the window is full and more than 20 % of it is bad."""
        return len(self._bad) == WINDOW_RECORDS and sum(self._bad) > BAD_SHARE_MAX * WINDOW_RECORDS

    def reset(self) -> None:
        """Start a new window, after a pause."""
        self._bad.clear()
