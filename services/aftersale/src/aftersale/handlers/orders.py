"""Order-paid and order-rejected: keep a copy of each order and of what payments says to it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from aftersale.domain.orders import NEW, Claim, Conflict, Order, Rejection, claim, reject
from aftersale.store.orders import Known, Orders
from shared.messages import OrderPaid, OrderRejected, encode
from shared.record import Batch, Received
from shared.work import Work


class OrderHandlers:
    """What aftersale does with paid and rejected orders."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def copy_orders(self, batch: Batch[OrderPaid], work: Work) -> None:
        """Keep each order once; another body under its id is a dead letter, unless the first was rejected."""
        known = await self._orders.known({it.event.key for it in batch}, work.session)
        orders = {key: it.order for key, it in known.items()}
        for received in batch:
            key = received.event.key
            answer = claim(orders.get(key, NEW), _claim(received))
            if isinstance(answer, Conflict):
                work.reject(received, "contract", "order_conflict: this order id is known with another body")
                answer = answer.order
            orders[key] = answer
        self._record(work, known, orders)

    async def reject_orders(self, batch: Batch[OrderRejected], work: Work) -> None:
        """Mark each order as rejected; one that has not come yet will be when it does."""
        known = await self._orders.known({it.event.key for it in batch}, work.session)
        orders = {key: it.order for key, it in known.items()}
        for received in batch:
            key = received.event.key
            orders[key] = reject(orders.get(key, NEW), _rejection(received))
        self._record(work, known, orders)

    def _record(self, work: Work, known: Mapping[str, Known], orders: Mapping[str, Order]) -> None:
        for key, order in orders.items():
            before = known.get(key)
            if before is None or before.order is not order:
                self._orders.record(work, key, before, order)


def _claim(received: Received[OrderPaid]) -> Claim:
    body = encode(received.event)
    # SHA-256 over this body is what shared.messages.body_hash computes; here the body is kept as well.
    return Claim(hashlib.sha256(body).digest(), body, _to_the_millisecond(received.origin_time))


def _rejection(received: Received[OrderRejected]) -> Rejection:
    event = received.event
    refused = _to_the_millisecond(received.origin_time)
    return Rejection(refused, _to_the_millisecond(event.rejected_at), event.reason, event.detail)


def _to_the_millisecond(moment: datetime) -> datetime:
    """Return a time as every store keeps it: payments may have read the origin from its own before it refused."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
