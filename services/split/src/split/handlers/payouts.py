"""Payout-settled: book what the institution did, and move the shares of the order or charge accordingly."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from shared.messages import PayoutSettled, encode
from shared.mongo import Database
from shared.record import Batch, Received
from shared.work import Work
from split.domain import collectors, money_back
from split.domain.charges import DOCUMENT, Charge, key_of
from split.domain.orders import Order
from split.domain.settlements import Settlement, settle
from split.handlers.reviews import Beside, Occasion, Reviews
from split.metrics import Metrics
from split.store.books import Books
from split.store.charges import Charges
from split.store.orders import Early, Held, Orders
from split.store.standings import Sheet


class _Booked(NamedTuple):
    """A revision that is news, and what it comes to."""

    received: Received[PayoutSettled]
    settlement: Settlement


class PayoutHandlers:
    """What split does with payouts that an institution has answered."""

    def __init__(
        self, database: Database, orders: Orders, charges: Charges, metrics: Metrics, reviews: Reviews
    ) -> None:
        self._database = database
        self._orders = orders
        self._charges = charges
        self._metrics = metrics
        self._reviews = reviews

    async def post_payouts(self, batch: Batch[PayoutSettled], work: Work) -> None:
        """Book what is new in each revision; an older one changes nothing, one that does not fit is parked."""
        before = await self._before([received.event for received in batch], work)
        after = dict(before)
        booked: list[_Booked] = []
        for received in batch:
            event, key = received.event, _key(received.event)
            order = after.get(key)
            if order is None and not event.document.startswith("o:"):
                work.reject(received, "contract", "document_unknown")
                continue
            if order is None:
                self._wait(work, received, exists=key in after)
                after[key] = None
                continue
            match settle(order, event):
                case Settlement() as settled:
                    booked.append(_Booked(received, settled))
                    after[key] = settled.order
                case str() as reason:
                    work.park(received, reason)
                case None:
                    pass
        refunding = {_key(it.received.event) for it in booked if _waits(it.settlement.order)}
        self._record(work, before, {key: order for key, order in after.items() if key not in refunding})
        if refunding:
            await self._review(booked, refunding, after, work)
        elif booked:
            books = await Books.opened(self._database, work, self._metrics.note_imbalance)
            _book(booked, books, None)
            books.close()

    async def _review(
        self, booked: list["_Booked"], refunding: set[str], after: dict[str, Order | None], work: Work
    ) -> None:
        """Book them, and look again at the orders whose refunds may have waited for these legs."""
        news = {_key(it.received.event): it.received for it in booked}
        found = await self._orders.whole(refunding, work.session)
        occasions = [
            Occasion(held, order, news[key].event_id, news[key])
            for key, held in found.items()
            if isinstance(held, Held) and (order := after[key]) is not None
        ]
        await self._reviews.review(occasions, work, beside=Beside(frozenset(), partial(_book, booked)))

    async def _before(self, events: Sequence[PayoutSettled], work: Work) -> dict[str, Order | None]:
        """Return the orders, and the charges if any are named, as they are stored."""
        orders = [_key(it) for it in events if not it.document.startswith(DOCUMENT)]
        before = await self._orders.load(orders, work.session)
        charges = [_key(it) for it in events if it.document.startswith(DOCUMENT)]
        return {**before, **(await self._charges.load(charges, work.session) if charges else {})}

    def _wait(self, work: Work, received: Received[PayoutSettled], *, exists: bool) -> None:
        event = received.event
        early = Early(encode(event), received.event_id)
        self._orders.stub(work, event.marketplace, event.document[2:], early, exists=exists)

    def _record(self, work: Work, before: dict[str, Order | None], after: dict[str, Order | None]) -> None:
        for key, order in after.items():
            known = before.get(key)
            if order is None or known is None or order is known:
                continue
            if isinstance(order, Charge) and isinstance(known, Charge):
                self._charges.change(work, known, order)
            else:
                self._orders.change(work, known, order)


def _key(event: PayoutSettled) -> str:
    """Return the `_id` of what was paid out."""
    charge = event.document.startswith(DOCUMENT)
    return key_of(event.marketplace, event.document.removeprefix(DOCUMENT)) if charge else event.key


def _waits(order: Order) -> bool:
    """Tell whether an order may go on now that legs of it are final: with a refund, or with its finish."""
    return money_back.waits(order) or collectors.waits(order)


def _book(booked: list[_Booked], books: Books, sheet: Sheet | None) -> None:
    for received, settlement in booked:
        order = settlement.order
        books.post(order, "settle", settlement.entries, received.event_id)
        if sheet is not None:
            sheet.note(order.marketplace, order.currency, settlement.entries)
