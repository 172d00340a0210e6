"""Releases what waits for a merchant once news of it has come: after the commit, in bounded batches, and by a sweep.

A release decides from what is stored; running it twice, or beside another, releases nothing twice.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from shared import leases
from shared.commits import Commits
from shared.ids import event_id
from shared.messages import MerchantChanged
from shared.mongo import Database
from shared.work import TooLargeError, Work
from split.domain.agreements import covered
from split.handlers.reviews import Occasion, Reviews
from split.handlers.signalled import Signalled
from split.metrics import Metrics
from split.store.merchants import Merchants, Waiting
from split.store.orders import Held, Orders, Place

ORDERS_PER_UNIT_MAX: Final = 200
SWEEP_EVERY_S: Final = 60.0
RETRY_S: Final = 1.0
EVER: Final = (datetime.min.replace(tzinfo=UTC), None)


class Run(msgspec.Struct, frozen=True):
    """How far one release has come. `version`: of the copy that its first page was judged by.

    `whole`: the first news of a merchant changes the reason of every order that waits for it, and the end of a block
    may, since the agreement that decided can be over for so long that it is published no more. Other news only concerns
    orders paid while some agreement is in force.
    """

    released: int = 0
    version: int = 0
    whole: bool = False
    place: Place | None = None
    done: bool = False


class Releases:
    """The releaser of one replica."""

    def __init__(
        self,
        database: Database,
        commits: Commits,
        orders: Orders,
        merchants: Merchants,
        metrics: Metrics,
        reviews: Reviews,
    ) -> None:
        self._database = database
        self._commits = commits
        self._orders = orders
        self._merchants = merchants
        self._metrics = metrics
        self._reviews = reviews
        keys = Signalled("release", self.release, RETRY_S)
        self.signal, self.run = keys.signal, keys.run

    async def release(self, key: str) -> int:
        """Look again at every order that waits for a merchant; return how many of them changed."""
        run, size = Run(), ORDERS_PER_UNIT_MAX
        while not run.done:
            try:
                run = await self._page(key, run, size)
            except TooLargeError:
                if size == 1:
                    raise
                size = max(1, size // 2)
        self._metrics.note_released(run.released)
        return run.released

    async def sweep(self) -> int:
        """Look again at everything that waits for a merchant; return how many orders the releaser had missed.

        Finishing what a crash interrupted is no miss, so it is done and not counted.
        """
        missed = 0
        since = await leases.now(self._database) - timedelta(seconds=SWEEP_EVERY_S)
        async for merchant in self._merchants.waiting():
            if not merchant.version:
                continue  # nobody has heard of it yet
            if merchant.released == merchant.version:
                missed += await self._missed(merchant)
            elif merchant.announced_at is not None and merchant.announced_at < since:
                await self.release(merchant.key)
        return missed

    async def _missed(self, merchant: Waiting) -> int:
        """Return how many orders wait although they need not. A blocked merchant's all have to."""
        return 0 if await self._merchants.blocked(merchant.key) else await self.release(merchant.key)

    async def _page(self, key: str, run: Run, size: int) -> Run:
        """Release one page in a transaction of its own; return how far that brings the run."""

        async def decide(work: Work) -> Run:
            copy = (await self._merchants.copies([key], work.session)).get(key)
            if copy is None:
                return msgspec.structs.replace(run, done=True)
            going = run
            if not run.version:
                whole = await self._merchants.all_wait(key, work.session)
                going = msgspec.structs.replace(run, version=copy.version, whole=whole)
            held = await self._held(copy, going, size, work)
            if not held:
                unblocked = going.whole and not copy.blocked
                self._merchants.released(work, key, going.version, unblocked=unblocked)
                return msgspec.structs.replace(going, done=True)
            released = run.released + await self._release(held, copy, work)
            return msgspec.structs.replace(going, released=released, place=held[-1].place)

        return await self._commits.run(decide, origin="clock")

    async def _held(self, copy: MerchantChanged, run: Run, size: int, work: Work) -> list[Held]:
        for interval in [EVER] if run.whole else covered(copy.agreements):
            held = await self._orders.waiting(copy.marketplace, copy.merchant, interval, run.place, size, work.session)
            if held:
                return held
        return []

    async def _release(self, held: Sequence[Held], copy: MerchantChanged, work: Work) -> int:
        cause = event_id(MerchantChanged.topic, copy.marketplace, copy.identity)
        return await self._reviews.review([Occasion(it, it.order, cause) for it in held], work)
