"""Order-paid: judge the claim, keep it, and hand it to the lane that asks for its proof."""

import hashlib
from functools import partial

from payments.dispatch import proving
from payments.dispatch.lanes import Lanes, Line
from payments.domain.claims import Claim, refusal
from payments.domain.lifecycles import order_after
from payments.domain.proof import Proved, prove, to_prove
from payments.domain.reasons import Rejected
from payments.store.handovers import HandOvers
from payments.store.orders import Asked, Known, Orders, Taken
from shared.marketplaces import Marketplaces
from shared.messages import OrderPaid, encode
from shared.record import Batch, Received
from shared.work import Work


class OrderHandlers:
    """What payments does with paid orders."""

    def __init__(self, orders: Orders, handovers: HandOvers, marketplaces: Marketplaces, lanes: Lanes[Asked]) -> None:
        self._orders = orders
        self._handovers = handovers
        self._marketplaces = marketplaces
        self._lanes = lanes

    async def take_orders(self, batch: Batch[OrderPaid], work: Work) -> None:
        """Take a batch of claims: the known are repeats or conflicts, the others are refused or asked for."""
        known = await self._orders.known((received.event.key for received in batch), work.session)
        handed: dict[Line, list[Asked]] = {}
        for received in batch:
            taken = _taken(received)
            before = known.get(taken.key)
            if before is not None and before.hash == taken.hash:
                continue
            if before is not None and order_after(before.state, "taken") == before.state:
                work.reject(received, "contract", "order_conflict: this order id is known with another body")
                continue
            known[taken.key] = self._decide(work, received, taken, before, handed)
        for line, asked in handed.items():
            handover = self._handovers.open(work, "prove", line, [it.key for it in asked])
            work.after_commit(partial(self._lanes.hand, line, [proving.item(it) for it in asked], handover))

    def _decide(
        self,
        work: Work,
        received: Received[OrderPaid],
        taken: Taken,
        before: Known | None,
        handed: dict[Line, list[Asked]],
    ) -> Known:
        order = taken.order
        verdict = refusal(Claim(order, self._owned(order), work.now)) or _free(order)
        match verdict:
            case Rejected() as no:
                self._orders.record_rejected(work, taken, before, no)
                work.publish(proving.rejection(order, no, work.now), cause=received)
                return Known(taken.hash, "rejected")
            case Proved() as proved:
                self._orders.record_accepted(work, taken, before, proved)
                work.publish(proved.order, cause=received)
                return Known(taken.hash, "accepted")
            case None:
                self._orders.record_sending(work, taken, before)
                asked = Asked(order=order, hash=taken.hash, origin_time=taken.origin_time, size=len(taken.body))
                handed.setdefault(proving.line(asked), []).append(asked)
                return Known(taken.hash, "sending")

    def _owned(self, order: OrderPaid) -> bool:
        marketplace = self._marketplaces.find(order.marketplace)
        first = order.payments[0]
        return marketplace is not None and marketplace.owns(first.channel_profile, first.channel_account)


def _free(order: OrderPaid) -> Proved | None:
    """Return the proof of an order that cost nothing: there is nothing to ask for."""
    if to_prove(order):
        return None
    proved = prove(order, {}, {})
    return proved if isinstance(proved, Proved) else None


def _taken(received: Received[OrderPaid]) -> Taken:
    body = encode(received.event)
    # SHA-256 over this body is what shared.messages.body_hash computes; here the body is kept as well.
    digest = hashlib.sha256(body).digest()
    return Taken(order=received.event, body=body, hash=digest, source=received.source, origin_time=received.origin_time)
