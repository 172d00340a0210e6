"""Refund-requested: lay the plan over what is there, hand over what may be sent, answer what needs no institution."""

from functools import partial

import msgspec

from payments.dispatch import refunding
from payments.dispatch.lanes import Lanes, Line
from payments.domain.payouts import Payout
from payments.domain.refunds import refusals
from payments.domain.refunds.plans import laid, opened
from payments.domain.refunds.refund import Refund, settled
from payments.domain.refunds.refusals import Around, RefundedOrder, Refusal
from payments.store.handovers import HandOvers
from payments.store.orders import Orders
from payments.store.payouts import Payouts
from payments.store.refunds import Known, Refunds, key_of
from shared.messages import RefundRequested, body_hash
from shared.record import Batch, Received
from shared.work import Work


class _Loaded(msgspec.Struct):
    """What a batch touches, kept up to date while the batch is decided: later records see what earlier ones did."""

    known: dict[str, Known]
    orders: dict[str, RefundedOrder]
    payouts: dict[str, Payout]
    handed: dict[Line, dict[str, Refund]]

    def around(self, event: RefundRequested) -> Around:
        """Return what is known beside a plan."""
        key = f"{event.marketplace}/{event.refund_id}"
        others = (it.refund for name, it in self.known.items() if name != key)
        return Around(
            order=self.orders.get(event.key),
            refund=self.known[key].refund if key in self.known else None,
            others=tuple(it for it in others if it.order == event.key),
            payouts={
                it.payout_id: self.payouts[found]
                for it in event.returns
                if (found := f"{event.marketplace}/{it.payout_id}") in self.payouts
            },
        )


class RefundHandlers:
    """What payments does with requests to refund."""

    def __init__(
        self, orders: Orders, payouts: Payouts, refunds: Refunds, handovers: HandOvers, lanes: Lanes[Refund]
    ) -> None:
        self._orders = orders
        self._payouts = payouts
        self._refunds = refunds
        self._handovers = handovers
        self._lanes = lanes

    async def take_refunds(self, batch: Batch[RefundRequested], work: Work) -> None:
        """Take a batch of plans. A repeated one, and one older than the last, says nothing new."""
        loaded = await self._load([received.event for received in batch], work)
        for received in batch:
            refused = self._decide(work, received, loaded)
            if refused is not None:
                work.reject(received, "contract", ": ".join(refused))
        for line, refunds in loaded.handed.items():
            if not refunds:
                continue
            handover = self._handovers.open(work, "refund", line, list(refunds))
            items = [refunding.item(it) for it in refunds.values()]
            work.after_commit(partial(self._lanes.hand, line, items, handover))

    async def _load(self, events: list[RefundRequested], work: Work) -> _Loaded:
        orders = {event.key for event in events}
        payouts = {f"{event.marketplace}/{it.payout_id}" for event in events for it in event.returns}
        known = await self._refunds.known((f"{it.marketplace}/{it.refund_id}" for it in events), work.session)
        known |= await self._refunds.known_of(orders, work.session)
        paid = await self._payouts.known(payouts, work.session) if payouts else {}
        return _Loaded(
            known,
            await self._orders.refunded(orders, work.session),
            {key: it.payout for key, it in paid.items()},
            handed={},
        )

    def _decide(self, work: Work, received: Received[RefundRequested], loaded: _Loaded) -> Refusal | None:
        event, digest = received.event, body_hash(received.event)
        before = loaded.known.get(f"{event.marketplace}/{event.refund_id}")
        same = before.plans.get(str(event.revision)) if before else None
        if same == digest:
            return None
        if same is not None:
            return "refund_conflict", f"{event.refund_id}: another plan under revision {event.revision}"
        if before is not None and event.revision < before.refund.plan:
            return None
        around = loaded.around(event)
        refused = refusals.refusal(event, around)
        if refused is not None:
            return refused
        refund = before.refund if before else opened(event, received.origin_time, work.now)
        paid_by = next(iter(around.order.payments), None) if around.order else None
        limits = refusals.limits(event, around, work.now)
        after = laid(refund, event, refusals.numbers(event, around), limits, paid_by)
        plans = (before.plans if before else {}) | {str(event.revision): digest}
        self._record(work, before, Known(after, plans), loaded)
        if after.revision != refund.revision:
            work.publish(settled(after, work.now), cause=received)
        return None

    def _record(self, work: Work, before: Known | None, after: Known, loaded: _Loaded) -> None:
        refund, key = after.refund, key_of(after.refund)
        if before is None:
            self._refunds.insert(work, after)
        else:
            self._refunds.update(work, after)
        loaded.known[key] = after
        handed = loaded.handed.setdefault(refunding.line(refund), {})
        handed.pop(key, None)
        if refund.waits == "sending":
            handed[key] = refund
