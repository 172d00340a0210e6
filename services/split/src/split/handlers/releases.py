"""Releases what waits for a merchant once news of it has come: after the commit, in bounded batches, and by a sweep.

A release decides from what is stored; running it twice, or beside another, releases nothing twice.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import msgspec
import structlog

from shared import leases
from shared.commits import Commits, ConflictError, OutageError
from shared.ids import event_id
from shared.messages import MerchantChanged
from shared.mongo import Database
from shared.work import TooLargeError, Work
from split.domain import splits
from split.domain.agreements import covered
from split.handlers.orders import by_marketplace, keys_of
from split.metrics import Metrics
from split.store.books import Books
from split.store.merchants import Merchants, Waiting
from split.store.orders import Held, Orders, Place

ORDERS_PER_UNIT_MAX: Final = 200
SWEEP_EVERY_S: Final = 60.0
MERCHANTS_PER_PAGE: Final = 500
RETRY_S: Final = 1.0

log = structlog.get_logger(__name__)


class Page(msgspec.Struct, frozen=True):
    """What one unit of work released, of which version's news, and where the next one goes on."""

    released: int
    version: int
    end: Place | None


class Releases:
    """The releaser of one replica."""

    def __init__(
        self, database: Database, commits: Commits, orders: Orders, merchants: Merchants, metrics: Metrics
    ) -> None:
        self._database = database
        self._commits = commits
        self._orders = orders
        self._merchants = merchants
        self._metrics = metrics
        self._signalled: dict[str, None] = {}
        self._wake = asyncio.Event()

    def signal(self, key: str) -> None:
        """Have the orders that wait for a merchant looked at soon."""
        self._signalled[key] = None
        self._wake.set()

    async def run(self) -> None:
        """Release what is signalled, for ever. What a crash or an outage leaves, the sweep finds."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._signalled:
                key = next(iter(self._signalled))
                del self._signalled[key]
                try:
                    await self.release(key)
                except (OutageError, ConflictError) as error:
                    log.warning("release waits", merchant=key, error=str(error)[:500])
                    self._signalled[key] = None
                    await asyncio.sleep(RETRY_S)

    async def release(self, key: str) -> int:
        """Look again at every order that waits for a merchant; return how many of them changed."""
        total, version, place, size = 0, 0, None, ORDERS_PER_UNIT_MAX
        while True:
            try:
                page = await self._page(key, version, place, size)
            except TooLargeError:
                if size == 1:
                    raise
                size = max(1, size // 2)
                continue
            total += page.released
            if page.end is None:
                self._metrics.note_released(total)
                return total
            version, place = version or page.version, page.end

    async def sweep(self) -> int:
        """Look again at everything that waits for a merchant; return how many orders the releaser had missed.

        Finishing what a crash interrupted is no miss, so it is done and not counted.
        """
        missed, after = 0, ""
        since = await leases.now(self._database) - timedelta(seconds=SWEEP_EVERY_S)
        while waiting := await self._merchants.waiting(after, MERCHANTS_PER_PAGE):
            after = waiting[-1].key
            for merchant in waiting:
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

    async def _page(self, key: str, version: int, after: Place | None, size: int) -> Page:
        """Release one page. `version` is that of the copy which the first page was judged by, 0 on that page."""

        async def decide(work: Work) -> Page:
            copy = (await self._merchants.copies([key], work.session)).get(key)
            if copy is None:
                return Page(0, 0, None)
            held = await self._held(copy, after, size, work)
            if not held:
                self._merchants.released(work, key, version or copy.version)
                return Page(0, copy.version, None)
            released = await self._release(held, copy, work)
            return Page(released, copy.version, held[-1].place)

        return await self._commits.run(decide, origin="clock")

    async def _held(self, copy: MerchantChanged, after: Place | None, size: int, work: Work) -> list[Held]:
        """Return the next page of orders paid while some agreement was in force; the others cannot change."""
        for interval in covered(copy.agreements):
            held = await self._orders.waiting(copy.marketplace, copy.merchant, interval, after, size, work.session)
            if held:
                return held
        return []

    async def _release(self, held: Sequence[Held], copy: MerchantChanged, work: Work) -> int:
        copies = await self._merchants.copies(keys_of(it.request for it in held), work.session)
        merchants = by_marketplace(copies).get(copy.marketplace, {})
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        cause = event_id(MerchantChanged.topic, copy.marketplace, copy.identity)
        released = 0
        for it in held:
            decision = splits.release(it.order, it.request, merchants)
            if decision is None:
                continue
            released += 1
            books.post(decision.order, "release", decision.entries, cause)
            self._orders.change(work, it.order, decision.order)
            for merchant in set(it.order.waiting_for) - set(decision.order.waiting_for):
                self._merchants.wait(work, f"{copy.marketplace}/{merchant}", -1)
            if decision.payout is not None:
                work.publish(decision.payout, origin_time=it.origin_time)
        books.close()
        return released
