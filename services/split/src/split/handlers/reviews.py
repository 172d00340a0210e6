"""Looking again at what is held of orders, whatever the occasion: news of goods, a case, a merchant, or the clock.

The same review follows every occasion, so that the order of events decides nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
import structlog

from shared.clock import Clock
from shared.marketplaces import Marketplace, Marketplaces
from shared.messages import Event, MerchantChanged, SplitRequested
from shared.mongo import Database, Session
from shared.record import Received
from shared.work import Work
from split.domain import compliance, gates, money_back, splits
from split.domain.calendars import Calendar
from split.domain.compliance import NOTHING_OWN, Own
from split.domain.gates import MINIMUM
from split.domain.judgements import Moment
from split.domain.ledger import Kind
from split.domain.orders import Order
from split.domain.pots import merchants_of
from split.domain.resting import Deed
from split.domain.rounds import Decision
from split.domain.rulesets import NO_RULES
from split.domain.stops import NO_STOPS, Stops
from split.metrics import Metrics
from split.store.books import Books
from split.store.merchants import Merchants
from split.store.orders import Held, Orders
from split.store.receivers import Receivers
from split.store.rulesets import Rulesets
from split.store.standings import Sheet, Standings, Who
from split.store.stops import StopStore
from split.store.wakes import Wakes

log = structlog.get_logger(__name__)


class Occasion(msgspec.Struct, frozen=True):
    """One order to be looked at: as it is stored, as it is after the news, and what the news was; or a deed."""

    held: Held
    order: Order
    cause: str
    received: Received[Event] | None = None
    deed: Deed | None = None


class Beside(msgspec.Struct, frozen=True):
    """What a unit of work books beside its reviews, on the same books: about whom it decides, and how it books."""

    whom: frozenset[Who]
    book: Callable[[Books, Sheet], None]


ROUNDS_MAX: Final = 3
"""So often an order with refunds is looked at in one unit: a release may decide about what a refund waits for."""


type Copies = Mapping[str, Mapping[str, MerchantChanged]]
"""Copies of merchants by marketplace, then by id."""


class Moments:
    """The moments of decisions: one clock, each marketplace's calendar and rules, what is paused, and who is bound."""

    def __init__(
        self, clock: Clock, marketplaces: Marketplaces, rulesets: Rulesets, stops: StopStore, receivers: Receivers
    ) -> None:
        self._clock = clock
        self._rulesets = rulesets
        self._marketplaces = marketplaces
        self._stops = stops
        self._receivers = receivers

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    async def present(
        self, orders: Sequence[SplitRequested], copies: Copies, session: Session, now: datetime | None = None
    ) -> Mapping[str, Moment]:
        """Return this unit's moment in the marketplace of each order: its rules, what is paused, and who is bound.

        `copies` are those of who is paid, some of whom may not simply be. `now`: the time by which the unit was chosen,
        if it was chosen by one.
        """
        wanted, moment = {it.marketplace for it in orders}, now or self.now()
        paused = await self._stops.paused(wanted, session) if wanted else {}
        rules = await self._rulesets.of(wanted, session) if wanted else {}
        registry = await self._receivers.registry(orders, session)
        return {
            it: Moment(
                moment,
                self._calendar(it),
                rules.get(it, NO_RULES),
                paused.get(it, NO_STOPS),
                registry,
                gates.payees_of(copies.get(it, {}).values(), moment),
                self._own(it, copies.get(it, {})),
            )
            for it in wanted
        }

    async def days_and_stops(self, marketplace: str, session: Session) -> tuple[Stops, Calendar]:
        """Return what is paused in a marketplace, and its business days."""
        paused = await self._stops.paused([marketplace], session)
        return paused.get(marketplace, NO_STOPS), self._calendar(marketplace)

    def _own(self, marketplace: str, copies: Mapping[str, MerchantChanged]) -> Own:
        """Return what is the platform's own; nearly always there is nothing."""
        found = self._marketplaces.find(marketplace)
        accounts = found.own_accounts if found is not None else frozenset()
        merchants = compliance.own_merchants(copies.values())
        return Own(accounts, merchants) if accounts or merchants else NOTHING_OWN

    def _calendar(self, marketplace: str) -> Calendar:
        found = self._marketplaces.find(marketplace)
        if found is None:
            message = f"{marketplace} has orders, and is not among the marketplaces of this service"
            raise LookupError(message)
        return calendar_of(found)


def calendar_of(marketplace: Marketplace) -> Calendar:
    """Return the business days of a marketplace."""
    return Calendar(marketplace.zone, marketplace.day_cut, marketplace.holidays, marketplace.workdays)


class Reviews:
    """Looks at orders within a unit of work."""

    def __init__(
        self,
        database: Database,
        orders: Orders,
        merchants: Merchants,
        metrics: Metrics,
        moments: Moments,
    ) -> None:
        self._database = database
        self._orders = orders
        self._merchants = merchants
        self._metrics = metrics
        self._standings = Standings(database)
        self._wakes = Wakes(database)
        self.moments = moments
        self.wake: Callable[[str], None] = lambda _key: None

    async def review(
        self, occasions: Sequence[Occasion], work: Work, now: datetime | None = None, beside: Beside | None = None
    ) -> int:
        """Record the news of each order, and release what it lets go; return how many orders changed.

        `now`: by which moment they are judged, unless it is this one. `beside`: what is booked before them.
        """
        wanted = keys_of(it.held.request for it in occasions if _pays(it.order))
        of_marketplace = by_marketplace(await self._merchants.copies(wanted, work.session) if wanted else {})
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        refunding = [(it.held.request, money_back.concerned(it.order, it.held.request)) for it in occasions]
        sheet = await self.sheet(refunding, work, beside.whom if beside else ())
        if beside is not None:
            beside.book(books, sheet)
        requests = [it.held.request for it in occasions]
        moments = await self.moments.present(requests, of_marketplace, work.session, now)
        changed = 0
        for it in occasions:
            before, after = it.held.order, it.order
            merchants, deed = of_marketplace.get(after.marketplace, {}), it.deed
            for _ in range(ROUNDS_MAX):
                stand = sheet.of(after.marketplace, after.currency)
                decision = splits.review(after, it.held.request, merchants, moments[after.marketplace], stand, deed)
                if decision is None:
                    break
                after = decision.order
                sheet.keep(after.marketplace, after.currency, decision.standings)
                record(decision, books, work, it.cause, it.received, it.held.origin_time, deed)
                deed = None
                self.tell(decision, work)
                if not money_back.concerned(after, it.held.request):
                    break
            changed += after != before
            self._orders.change(work, before, after)
            self._count(work, before, after)
        books.close()
        self.close(sheet, work)
        return changed

    def close(self, sheet: Sheet, work: Work) -> None:
        """Write what was decided about merchants' balances, and wake what has come to its minimum by it."""
        sheet.write(work)
        for who in sheet.freed():
            work.after_commit(partial(self.wake, self._wakes.ask(work, who.marketplace, MINIMUM + who.merchant)))

    async def sheet(
        self, requests: Iterable[tuple[SplitRequested, Collection[str]]], work: Work, beside: Iterable[Who] = ()
    ) -> Sheet:
        """Open the sheet of all who are paid out of orders; of the merchants named with one, down to their balances."""
        whom: set[Who] = set(beside)
        to_the_last: set[Who] = set()
        for request, refunding in requests:
            whom |= {Who(request.marketplace, merchant, request.currency) for merchant in payees_of(request)}
            to_the_last |= {Who(request.marketplace, merchant, request.currency) for merchant in refunding}
        return await self._standings.opened(whom, to_the_last, work.session)

    def tell(self, decision: Decision, work: Work) -> None:
        """Alert, if so, that the channel will soon give what is held of an order to its seller."""
        if decision.freeze_ending:
            left = any(share.state == "held" for share in decision.order.shares)
            work.after_commit(partial(self._tell, decision.order.key, left=left))

    def _tell(self, order: str, *, left: bool) -> None:
        log.warning("the channel's freeze is ending", order=order, left=left)
        self._metrics.note_freeze_ending(left=left)

    def _count(self, work: Work, before: Order, after: Order) -> None:
        """Meet the news of the merchants that an order waits for from now on, or no longer."""
        were, are = set(before.waiting_for), set(after.waiting_for)
        for merchant in sorted(were ^ are):
            self._merchants.wait(work, f"{after.marketplace}/{merchant}", 1 if merchant in are else -1)


def record(
    decision: Decision,
    books: Books,
    work: Work,
    cause: str,
    received: Received[Event] | None,
    origin_time: datetime,
    deed: Deed | None = None,
) -> None:
    """Book what a review decided, and ask for what follows from it."""
    order, back = decision.order, decision.back
    for booking in back.bookings if back else ():
        books.post(order, booking.kind, booking.entries, booking.cause)
    books.post(order, booked_as(deed), decision.entries, cause)
    asked = (*back.cancels, *back.requests) if back else ()
    for event in (*asked, decision.payout):
        if event is not None:
            work.publish(event, cause=received, origin_time=origin_time)


def _pays(order: Order) -> bool:
    """Tell whether a review may pay somebody: what stands still, a correction, or what a reversed chargeback brings."""
    return order.stands or bool(order.known_late) or money_back.waits(order)


def booked_as(deed: Deed | None) -> Kind:
    """Return as what a review is booked that does a deed, if any."""
    return "release" if deed is None or deed.what == "retry" else deed.what


def payees_of(request: SplitRequested) -> set[str]:
    """Return who is paid out of an order: its merchants and its extra receivers."""
    return merchants_of(request) | {it.receiver for it in request.receivers}


def keys_of(requests: Iterable[SplitRequested]) -> set[str]:
    """Return the keys of all merchants whose agreements decide about these orders, or who are paid out of them."""
    return {f"{request.marketplace}/{merchant}" for request in requests for merchant in payees_of(request)}


def by_marketplace(copies: dict[str, MerchantChanged]) -> dict[str, dict[str, MerchantChanged]]:
    """Return copies by marketplace, then by merchant."""
    found: dict[str, dict[str, MerchantChanged]] = {}
    for copy in copies.values():
        found.setdefault(copy.marketplace, {})[copy.merchant] = copy
    return found
