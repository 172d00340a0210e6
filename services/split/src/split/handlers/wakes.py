"""Looks again at orders that waited for something that has ended: after the commit, in bounded pages, and by a sweep.

A page decides from what is stored; running it twice, or beside another, releases nothing twice.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from shared.commits import Commits
from shared.ids import event_id
from shared.work import TooLargeError, Work
from split.handlers.releases import EVER
from split.handlers.reviews import Occasion, Reviews
from split.handlers.signalled import Signalled
from split.store.orders import Held, Orders, Place
from split.store.wakes import Wake, Wakes

ORDERS_PER_UNIT_MAX: Final = 200
WAKES_PER_SWEEP_MAX: Final = 1_000
SWEEP_EVERY_S: Final = 5.0


class Run(msgspec.Struct, frozen=True):
    """How far one wake has come, and which `seq` it began with."""

    changed: int = 0
    seq: int = 0
    place: Place | None = None
    done: bool = False


class Waker:
    """The waker of one replica."""

    def __init__(self, commits: Commits, wakes: Wakes, orders: Orders, reviews: Reviews) -> None:
        self._commits = commits
        self._wakes = wakes
        self._orders = orders
        self._reviews = reviews
        self._keys = Signalled("wake", self.wake)
        self.signal, self.run = self._keys.signal, self._keys.run

    async def sweep(self) -> int:
        """Finish what a crash or an outage interrupted; return how many orders changed."""
        return await self._keys.sweep(await self._wakes.open(WAKES_PER_SWEEP_MAX))

    async def wake(self, key: str) -> int:
        """Look again at every order that waits for a name; return how many of them changed."""
        run, size = Run(), ORDERS_PER_UNIT_MAX
        while not run.done:
            try:
                run = await self._page(key, run, size)
            except TooLargeError:
                if size == 1:
                    raise
                size = max(1, size // 2)
        return run.changed

    async def _page(self, key: str, run: Run, size: int) -> Run:
        """Look at one page in a transaction of its own; return how far that brings the run."""

        async def decide(work: Work) -> Run:
            wake = await self._wakes.find(key, work.session)
            if wake is None:
                return msgspec.structs.replace(run, done=True)
            held = await self._orders.waiting(wake.marketplace, wake.name, EVER, run.place, size, work.session)
            if held:
                changed = run.changed + await self._reviews.review(_occasions(held, wake), work)
                return Run(changed, run.seq or wake.seq, held[-1].place)
            if run.seq in {0, wake.seq}:
                self._wakes.done(work, wake)
                return msgspec.structs.replace(run, done=True)
            return Run(run.changed)  # asked for again meanwhile: orders may have come to wait behind this run

        return await self._commits.run(decide, origin="clock")


def _occasions(held: Sequence[Held], wake: Wake) -> list[Occasion]:
    cause = event_id("wake", wake.marketplace, f"{wake.name}/{wake.seq}")
    return [Occasion(it, it.order, cause) for it in held]
