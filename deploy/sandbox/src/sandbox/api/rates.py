"""How many requests are served within a second: what a profile says, and what a switch says. Counted in memory."""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from http import HTTPStatus

from sandbox.domain.behaviours.limited import OPERATIONS
from sandbox.domain.transfers import Transfer
from sandbox.problems import Problem
from shared.profiles import Profile


class Limiter:
    """When the requests of the last second were served, by what they are counted as."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._served: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, name: str, most: int, reason: str = "rate_limited") -> None:
        """Count a request.

        Raises:
            Problem: as many as are allowed were served within a second; nothing is done.

        """
        served, now = self._served[name], self._now()
        while served and now - served[0] >= 1:
            served.popleft()
        if len(served) >= most:
            wait_s = 1 if not served else math.ceil(1 - (now - served[0]))
            headers = {"Retry-After": str(max(wait_s, 1))}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, reason, f"at most {most} requests a second", headers)
        served.append(now)

    def obey(self, account: str, batch: Sequence[Transfer], profile: Profile) -> None:
        """Count a request for each operation in it that the profile limits."""
        rates = profile.rates.per_account
        for operation in sorted({OPERATIONS[it.kind] for it in batch} & rates.keys()):
            self.take(f"{account} {operation} of the profile", rates[operation], profile.said("rate_limited"))
