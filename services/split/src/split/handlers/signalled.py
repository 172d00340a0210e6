"""Work behind the commits: keys that somebody has signalled are worked off one after the other, on one replica.

What a crash or an outage leaves, a sweep finds in the store. A key that fails stops no other.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from shared.commits import ConflictError, OutageError

log = structlog.get_logger(__name__)


class Signalled:
    """Keys to be worked off. `what` is the work's name in the log, `work` returns how many orders it changed.

    `retry_s`: so much later what an outage has stopped is tried again; None: it is left to the sweep.
    """

    def __init__(self, what: str, work: Callable[[str], Awaitable[int]], retry_s: float | None = None) -> None:
        self._what = what
        self._work = work
        self._retry_s = retry_s
        self._keys: dict[str, None] = {}
        self._wake = asyncio.Event()

    def signal(self, key: str) -> None:
        """Have a key worked off soon."""
        self._keys[key] = None
        self._wake.set()

    async def run(self) -> None:
        """Work off what is signalled, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._keys:
                key = next(iter(self._keys))
                del self._keys[key]
                try:
                    await self._work(key)
                except (OutageError, ConflictError) as error:
                    log.warning("work behind waits", what=self._what, key=key, error=str(error)[:500])
                    if self._retry_s is not None:
                        self._keys[key] = None
                        await asyncio.sleep(self._retry_s)
                except Exception:
                    log.exception("work behind failed, left to the sweep", what=self._what, key=key)

    async def sweep(self, keys: Iterable[str]) -> int:
        """Work off what is left; return how many orders changed."""
        changed = 0
        for key in keys:
            try:
                changed += await self._work(key)
            except (OutageError, ConflictError):
                raise
            except Exception:
                log.exception("work behind failed, tried again", what=self._what, key=key)
        return changed
