"""Payout-settled: book what the institution did, and move the shares of the order or charge accordingly."""

from collections.abc import Sequence

from shared.messages import PayoutSettled, encode
from shared.mongo import Database
from shared.record import Batch, Received
from shared.work import Work
from split.domain.charges import DOCUMENT, Charge, key_of
from split.domain.orders import Order
from split.domain.settlements import Settlement, settle
from split.metrics import Metrics
from split.store.books import Books
from split.store.charges import Charges
from split.store.orders import Early, Orders


class PayoutHandlers:
    """What split does with payouts that an institution has answered."""

    def __init__(self, database: Database, orders: Orders, charges: Charges, metrics: Metrics) -> None:
        self._database = database
        self._orders = orders
        self._charges = charges
        self._metrics = metrics

    async def post_payouts(self, batch: Batch[PayoutSettled], work: Work) -> None:
        """Book what is new in each revision; an older one changes nothing, one that does not fit is parked."""
        before = await self._before([received.event for received in batch], work)
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        after = dict(before)
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
                    books.post(order, "settle", settled.entries, received.event_id)
                    after[key] = settled.order
                case str() as reason:
                    work.park(received, reason)
                case None:
                    pass
        self._record(work, before, after)
        books.close()

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
