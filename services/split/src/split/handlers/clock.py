"""The clock's effects: orders of which time alone may change something are looked at again when their time has come.

Several replicas may look at once: the transaction decides, and what one has done the other finds done.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from shared.commits import Commits, ConflictError, OutageError
from shared.ids import event_id
from shared.work import TooLargeError, Work
from split.domain.orders import Order
from split.handlers.reviews import Occasion, Reviews
from split.store.orders import Held, Orders

LOOK_EVERY_S: Final = 1.0
ORDERS_PER_UNIT_MAX: Final = 200

log = structlog.get_logger(__name__)


class Deadlines:
    """Looks at what is due, on one replica."""

    def __init__(self, commits: Commits, orders: Orders, reviews: Reviews) -> None:
        self._commits = commits
        self._orders = orders
        self._reviews = reviews

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            try:
                await self.once()
            except (OutageError, ConflictError) as error:
                log.warning("deadlines wait", error=str(error)[:500])
            await asyncio.sleep(LOOK_EVERY_S)

    async def once(self) -> int:
        """Look at everything that is due; return how many orders changed."""
        changed, left_out = 0, set[str]()
        while keys := await self._orders.due(self._reviews.moments.now(), left_out, ORDERS_PER_UNIT_MAX):
            changed += await self._look(keys, left_out)
        return changed

    async def _look(self, keys: Sequence[str], left_out: set[str]) -> int:
        """Look at these orders in one unit of work, or in smaller ones; an order that fails alone is left out."""
        try:
            return await self._commits.run(partial(self._decide, keys), origin="clock")
        except (OutageError, ConflictError):
            raise
        except Exception as error:
            if len(keys) == 1:
                # A bug in one order stops no other's deadline; the next look, a second later, tries it again.
                log.exception("deadline failed", order=keys[0])
                left_out.update(keys)
                return 0
            if not isinstance(error, TooLargeError):
                log.warning("deadlines failed together, looked at in halves", orders=len(keys), error=repr(error)[:500])
        half = len(keys) // 2
        return await self._look(keys[:half], left_out) + await self._look(keys[half:], left_out)

    async def _decide(self, keys: Sequence[str], work: Work) -> int:
        found = await self._orders.whole(keys, work.session)
        held = [it for it in found.values() if isinstance(it, Held)]
        return await self._reviews.review([Occasion(it, it.order, _cause(it.order)) for it in held], work)


def _cause(order: Order) -> str:
    """Return the id of the event that a deadline is, one for each time at which an order was due."""
    return event_id("deadline", order.marketplace, f"{order.order_id}/{order.look_at}")
