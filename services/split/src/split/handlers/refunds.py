"""Refund-settled: post what the institution did of a refund, and plan anew what did not come back."""

import msgspec

from shared.messages import RefundSettled
from shared.mongo import Database
from shared.profiles import shipped
from shared.record import Batch
from shared.work import Work
from split.domain import collectors
from split.domain.funding import Rules
from split.domain.refund_outcomes import Posted, post_refund
from split.handlers.reviews import Moments
from split.metrics import Metrics
from split.store.books import Books
from split.store.orders import Held, Orders
from split.store.standings import Standings, Who


class RefundHandlers:
    """What split does with refunds that an institution has answered."""

    def __init__(self, database: Database, orders: Orders, metrics: Metrics, moments: Moments) -> None:
        self._database = database
        self._orders = orders
        self._standings = Standings(database)
        self._metrics = metrics
        self._moments = moments

    async def post_refunds(self, batch: Batch[RefundSettled], work: Work) -> None:
        """Post what is new in each revision; an older one changes nothing, one that does not fit is parked."""
        known = await self._orders.whole([received.event.key for received in batch], work.session)
        held = {key: it for key, it in known.items() if isinstance(it, Held)}
        books = await Books.opened(self._database, work, self._metrics.note_imbalance)
        sheet = await self._standings.opened((), _owing(batch, held), work.session)
        after = {key: it.order for key, it in held.items()}
        for received in batch:
            event = received.event
            if event.key not in after:
                work.park(received, "order_unknown")
                continue
            found = held[event.key]
            rules = Rules(shipped().find(event.channel_profile), found.request.paid_at, self._moments.now())
            stand = sheet.of(event.marketplace, event.currency)
            match post_refund(after[event.key], event, stand, rules):
                case Posted() as posted:
                    sheet.keep(event.marketplace, event.currency, posted.standings)
                    books.post(posted.order, "refund_settle", posted.entries, received.event_id)
                    after[event.key] = posted.order
                    if posted.request is not None:
                        work.publish(posted.request, cause=received)
                case str() as reason:
                    work.park(received, reason)
                case None:
                    pass
        for key, it in held.items():
            if (order := after[key]) is not it.order:
                if collectors.waits(order):  # perhaps this refund was the last that its finish waited for
                    order = msgspec.structs.replace(order, look_at=self._moments.now())
                self._orders.change(work, it.order, order)
        books.close()
        sheet.write(work)


def _owing(batch: Batch[RefundSettled], held: dict[str, Held]) -> set[Who]:
    """Return who may have to pay in another way, because a return from it has failed."""
    return {
        Who(it.event.marketplace, outcome.receiver.partition(":")[2], it.event.currency)
        for it in batch
        if it.event.key in held
        for outcome in it.event.returns
        if outcome.state == "failed"
    }
