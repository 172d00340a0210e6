"""Looking again at what is held of orders, whatever the occasion: news of goods, a case, a merchant, or the clock.

The same review follows every occasion, so that the order of events decides nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from shared.clock import Clock
from shared.marketplaces import Marketplaces
from shared.messages import Event, MerchantChanged, SplitRequested
from shared.mongo import Database
from shared.record import Received
from shared.work import Work
from split.domain import splits
from split.domain.calendars import Calendar
from split.domain.judgements import Moment
from split.domain.orders import Order
from split.domain.pots import merchants_of
from split.metrics import Metrics
from split.store.books import Books
from split.store.merchants import Merchants
from split.store.orders import Held, Orders


class Occasion(msgspec.Struct, frozen=True):
    """One order to be looked at: as it is stored, as it is after the news, and what the news was."""

    held: Held
    order: Order
    cause: str
    received: Received[Event] | None = None


class Moments:
    """The moments of decisions: one clock, and each marketplace's calendar."""

    def __init__(self, clock: Clock, marketplaces: Marketplaces) -> None:
        self._clock = clock
        self._marketplaces = marketplaces
        self._calendars: dict[str, Calendar] = {}

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    def of(self, marketplace: str, now: datetime) -> Moment:
        """Return a moment in a marketplace."""
        found = self._marketplaces.find(marketplace)
        if found is None:
            message = f"{marketplace} has orders, and is not among the marketplaces of this service"
            raise LookupError(message)
        calendar = self._calendars.get(marketplace)
        if calendar is None:
            calendar = Calendar(found.zone, found.day_cut, found.holidays, found.workdays)
            self._calendars[marketplace] = calendar
        return Moment(now, calendar)


class Reviews:
    """Looks at orders within a unit of work."""

    def __init__(
        self, database: Database, orders: Orders, merchants: Merchants, metrics: Metrics, moments: Moments
    ) -> None:
        self._database = database
        self._orders = orders
        self._merchants = merchants
        self._metrics = metrics
        self.moments = moments

    async def review(self, occasions: Sequence[Occasion], work: Work) -> int:
        """Record the news of each order, and release what it lets go; return how many orders changed."""
        wanted = keys_of(it.held.request for it in occasions if it.order.stands)
        of_marketplace = by_marketplace(await self._merchants.copies(wanted, work.session) if wanted else {})
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        now = self.moments.now()
        changed = 0
        for it in occasions:
            before, after = it.held.order, it.order
            if after.stands:
                merchants = of_marketplace.get(after.marketplace, {})
                decision = splits.review(after, it.held.request, merchants, self.moments.of(after.marketplace, now))
                if decision is not None:
                    books.post(decision.order, "release", decision.entries, it.cause)
                    after = decision.order
                    if decision.payout is not None:
                        work.publish(decision.payout, cause=it.received, origin_time=it.held.origin_time)
            changed += after != before
            self._orders.change(work, before, after)
            self._count(work, before, after)
        books.close()
        return changed

    def _count(self, work: Work, before: Order, after: Order) -> None:
        """Meet the news of the merchants that an order waits for from now on, or no longer."""
        were, are = set(before.waiting_for), set(after.waiting_for)
        for merchant in sorted(were ^ are):
            self._merchants.wait(work, f"{after.marketplace}/{merchant}", 1 if merchant in are else -1)


def keys_of(requests: Iterable[SplitRequested]) -> set[str]:
    """Return the keys of all merchants whose agreements decide about these orders."""
    return {f"{request.marketplace}/{merchant}" for request in requests for merchant in merchants_of(request)}


def by_marketplace(copies: dict[str, MerchantChanged]) -> dict[str, dict[str, MerchantChanged]]:
    """Return copies by marketplace, then by merchant."""
    found: dict[str, dict[str, MerchantChanged]] = {}
    for copy in copies.values():
        found.setdefault(copy.marketplace, {})[copy.merchant] = copy
    return found
