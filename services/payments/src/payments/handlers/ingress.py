"""Orders that come in by HTTP, for upstreams without Kafka: kept as events, judged when the consumer takes them."""

from typing import Literal

from payments.store.orders import Orders
from shared.commits import Commits
from shared.messages import OrderPaid, body_hash
from shared.work import Work

type Answer = Literal["received", "order_conflict"]


class Ingress:
    """The way in for one order."""

    def __init__(self, orders: Orders, commits: Commits) -> None:
        self._orders = orders
        self._commits = commits

    async def let_in(self, order: OrderPaid) -> Answer:
        """Store the order's event; the same body again is answered again, another body under its id is a conflict.

        As on Kafka, the first body stands unless it was rejected: then a corrected one is taken.
        """
        digest = body_hash(order)

        async def decide(work: Work) -> Answer:
            before = await self._orders.came_in(order.key, work.session)
            known = (await self._orders.known([order.key], work.session)).get(order.key)
            if digest in {before, known.hash if known else None}:
                return "received"
            judged = known is not None and known.state == "rejected" and before in {None, known.hash}
            if not judged and (before or known):
                return "order_conflict"
            self._orders.let_in(work, order.key, digest, before)
            work.publish(order)
            return "received"

        return await self._commits.run(decide, origin="api")
