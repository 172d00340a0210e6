"""How many requests a second an institution takes, as its profile says: a bucket of tokens that fills by the clock."""

import math
import time
from collections.abc import Callable


class Pace:
    """At most `per_s` items a second, one second's worth at once; without it any number. Times are seconds."""

    def __init__(self, per_s: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left = float(per_s or 0)
        self._filled_at = clock()
        self._rests_until = 0.0

    def allowed(self) -> float:
        """Return how many items may leave now."""
        now = self._clock()
        if now < self._rests_until:
            return 0
        if self._per_s is None:
            return math.inf
        self._left = min(float(self._per_s), self._left + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        return math.floor(self._left)

    def spend(self, count: int) -> None:
        """Note that so many have left."""
        self._left -= count

    def rest(self, seconds: float) -> None:
        """Let nothing leave for so long: the institution has said that it is too much."""
        self._rests_until = self._clock() + seconds
        self._left = min(self._left, 1.0)

    @property
    def wait_s(self) -> float:
        """How long until the next item may leave; 0 where it may now."""
        if self.allowed() >= 1:
            return 0.0
        rest = self._rests_until - self._clock()
        return max(rest, (1 - self._left) / self._per_s if self._per_s else 0.0)
