"""Refunds at the institution: post what it did, plan anew what did not come back, try again what has failed."""

import msgspec

from shared.messages import RefundSettled
from shared.mongo import Database
from shared.profiles import shipped
from shared.record import Batch
from shared.work import Work
from split.domain import collectors
from split.domain.approvals import Approval
from split.domain.backs import Back
from split.domain.funding import Rules
from split.domain.refund_outcomes import Posted, post_refund
from split.domain.refund_retries import tried_again
from split.domain.refusals import Refused
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


class RefundRetries:
    """Tries a refund again that has failed, in the transaction of its approval."""

    def __init__(self, orders: Orders, moments: Moments) -> None:
        self._orders = orders
        self._moments = moments

    async def check(self, approval: Approval, work: Work) -> Refused | None:
        """Say why it cannot be tried again, if so."""
        found = await self._found(approval, work)
        return found if isinstance(found, Refused) else None

    async def carry_out(self, approval: Approval, work: Work) -> str | Refused:
        """Ask for it again; return the refund and the revision of its plan."""
        found = await self._found(approval, work)
        if isinstance(found, Refused):
            return found
        held, back = found
        self._orders.change(work, held.order, back.order)
        for request in back.requests:
            work.publish(request, origin_time=held.origin_time)
        return "/".join(f"{it.refund_id}.{it.revision}" for it in back.requests)

    async def _found(self, approval: Approval, work: Work) -> tuple[Held, Back] | Refused:
        order_id, refund_id = str(approval.details["order_id"]), str(approval.details["refund_id"])
        key = f"{approval.marketplace}/{order_id}"
        held = (await self._orders.whole([key], work.session)).get(key)
        if not isinstance(held, Held):
            return Refused("order_unknown", f"split has no order {order_id!r}")
        back = tried_again(held.order, refund_id, self._moments.now())
        return back if isinstance(back, Refused) else (held, back)


def _owing(batch: Batch[RefundSettled], held: dict[str, Held]) -> set[Who]:
    """Return who may have to pay in another way, because a return from it has failed."""
    return {
        Who(it.event.marketplace, outcome.receiver.partition(":")[2], it.event.currency)
        for it in batch
        if it.event.key in held
        for outcome in it.event.returns
        if outcome.state == "failed"
    }
