"""Payout-settled: book what the institution did, and move the order's shares accordingly."""

from shared.messages import PayoutSettled, encode
from shared.mongo import Database
from shared.record import Batch, Received
from shared.work import Work
from split.domain.orders import Order
from split.domain.settlements import Settlement, settle
from split.metrics import Metrics
from split.store.books import Books
from split.store.orders import Early, Orders


class PayoutHandlers:
    """What split does with payouts that an institution has answered."""

    def __init__(self, database: Database, orders: Orders, metrics: Metrics) -> None:
        self._database = database
        self._orders = orders
        self._metrics = metrics

    async def post_payouts(self, batch: Batch[PayoutSettled], work: Work) -> None:
        """Book what is new in each revision; an older one changes nothing, one that does not fit is parked."""
        before = await self._orders.load([received.event.key for received in batch], work.session)
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        after = dict(before)
        for received in batch:
            event = received.event
            if not event.document.startswith("o:"):
                work.reject(received, "contract", "document_unknown")
                continue
            order = after.get(event.key)
            if order is None:
                self._wait(work, received, exists=event.key in after)
                after[event.key] = None
                continue
            match settle(order, event):
                case Settlement() as settled:
                    books.post(order, "settle", settled.entries, received.event_id)
                    after[event.key] = settled.order
                case str() as reason:
                    work.park(received, reason)
                case None:
                    pass
        self._record(work, before, after)
        books.close()

    def _wait(self, work: Work, received: Received[PayoutSettled], *, exists: bool) -> None:
        event = received.event
        early = Early(encode(event), received.event_id)
        self._orders.stub(work, event.marketplace, event.document[2:], early, exists=exists)

    def _record(self, work: Work, before: dict[str, Order | None], after: dict[str, Order | None]) -> None:
        for key, order in after.items():
            known = before.get(key)
            if order is not None and known is not None and order is not known:
                self._orders.change(work, known, order)
