"""Late versions: orders that an older one has divided get the difference posted, page by page, behind the news.

A page decides from what is stored; running it twice, or beside another, posts nothing twice (money.md 3.2).
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from shared.commits import Commits
from shared.ids import event_id
from shared.messages import MerchantChanged
from shared.work import TooLargeError, Work
from split.domain import splits
from split.domain.corrections import late_versions
from split.handlers.reviews import Occasion, Reviews, by_marketplace
from split.handlers.signalled import Signalled
from split.store.lates import SETTLED, Late, Lates, accounts_of
from split.store.merchants import Merchants
from split.store.orders import Held, Orders

ORDERS_PER_UNIT_MAX: Final = 100
LATES_PER_SWEEP_MAX: Final = 1_000
SWEEP_EVERY_S: Final = 60.0


class Corrections:
    """Corrects what was split before a version came, on one replica."""

    def __init__(self, commits: Commits, lates: Lates, orders: Orders, merchants: Merchants, reviews: Reviews) -> None:
        self._commits = commits
        self._lates = lates
        self._orders = orders
        self._merchants = merchants
        self._reviews = reviews
        self._keys = Signalled("correction", self.correct)
        self.signal, self.run = self._keys.signal, self._keys.run

    async def sweep(self) -> int:
        """Look again at what is not done; return how many orders were corrected."""
        return await self._keys.sweep(await self._lates.open(LATES_PER_SWEEP_MAX))

    async def correct(self, key: str) -> int:
        """Look at every order of a merchant since the late version took effect; return how many it corrects."""
        late = await self._lates.find(key)
        if late is None:
            return 0
        corrected = 0
        begun = self._reviews.moments.now()
        for currency in await self._lates.currencies(late.marketplace):
            for account in accounts_of(late.merchant):
                corrected += await self._account(late, currency, account)
        if begun - late.at > SETTLED:
            await self._commits.run(partial(self._forget, late), origin="clock")
        return corrected

    async def _account(self, late: Late, currency: str, account: str) -> int:
        corrected, after = 0, ""
        while found := await self._lates.split_since(late, currency, (account, after), ORDERS_PER_UNIT_MAX):
            corrected += await self._orders_of(late, sorted({order for order, _ in found}))
            after = found[-1][1]
        return corrected

    async def _orders_of(self, late: Late, keys: Sequence[str]) -> int:
        """Look at these orders in one unit of work, or in smaller ones."""
        try:
            return await self._commits.run(partial(self._decide, late, keys), origin="clock")
        except TooLargeError:
            if len(keys) == 1:
                raise
        half = len(keys) // 2
        return await self._orders_of(late, keys[:half]) + await self._orders_of(late, keys[half:])

    async def _decide(self, late: Late, keys: Sequence[str], work: Work) -> int:
        found = await self._orders.whole(keys, work.session)
        held = [it for it in found.values() if isinstance(it, Held)]
        known = by_marketplace(await self._merchants.copies([late.key], work.session))
        copies = known.get(late.marketplace, {})
        moments = await self._reviews.moments.present([it.request for it in held], known, work.session)
        cause = event_id(MerchantChanged.topic, late.marketplace, f"{late.merchant}/{late.version}")
        occasions: list[Occasion] = []
        for it in held:
            sale = splits.sale_of(it.request, moments[late.marketplace])
            if new := late_versions(it.order, it.request, copies, sale):
                order = msgspec.structs.replace(it.order, late=(*it.order.known_late, *new))
                occasions.append(Occasion(it, order, cause))
        return await self._reviews.review(occasions, work) if occasions else 0

    async def _forget(self, late: Late, work: Work) -> None:
        now = await self._lates.find(late.key, work.session)
        if now == late:
            self._lates.done(work, late)
