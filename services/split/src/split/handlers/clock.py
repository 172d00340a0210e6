"""The clock's effects: orders of which time alone may change something are looked at again when their time has come.

Several replicas may look at once: the transaction decides, and what one has done the other finds done.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
import uuid_utils

from shared import leases
from shared.commits import Commits, ConflictError, OutageError, TooSlowError
from shared.ids import event_id
from shared.mongo import Database, PyMongoError
from shared.work import TooLargeError, Work
from split.domain.orders import Order
from split.handlers.reviews import Occasion, Reviews
from split.store.orders import Held, Orders

LOOK_EVERY_S: Final = 1.0
ORDERS_PER_UNIT_MAX: Final = 200
LEASE: Final = "deadlines"
LEASE_S: Final = 5.0
"""When a business day begins, much is due at one moment: replicas that all took the same orders would hinder each
other. The lease only saves that work."""
FAILED_AGAIN: Final = timedelta(minutes=1)
"""When an order that failed alone is looked at again."""

log = structlog.get_logger(__name__)


class Deadlines:
    """Looks at what is due, on one replica."""

    def __init__(self, database: Database, commits: Commits, orders: Orders, reviews: Reviews) -> None:
        self._database = database
        self._commits = commits
        self._orders = orders
        self._reviews = reviews
        self._owner = str(uuid_utils.uuid7())
        self._failed: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look every second, for ever; while MongoDB is away, what is due waits."""
        while True:
            try:
                if await self._lead():
                    await self.once()
            except (OutageError, PyMongoError) as error:
                log.warning("deadlines wait", error=str(error)[:500])
            except Exception:
                log.exception("deadlines failed, looked at again")
            await asyncio.sleep(LOOK_EVERY_S)

    async def once(self) -> int:
        """Look at everything that is due; return how many orders changed."""
        now = self._reviews.moments.now()
        self._failed = {key: again for key, again in self._failed.items() if again > now}
        changed, left_out = 0, set(self._failed)
        while keys := await self._orders.due(now, left_out, ORDERS_PER_UNIT_MAX):
            changed += await self._look(keys, now, left_out)
            await self._lead()
        return changed

    async def _lead(self) -> bool:
        return await leases.take(self._database, LEASE, self._owner, LEASE_S)

    async def _look(self, keys: Sequence[str], now: datetime, left_out: set[str]) -> int:
        """Look at these orders in one unit of work, or in smaller ones; an order that fails alone is left out."""
        try:
            return await self._commits.run(partial(self._decide, keys, now), origin="clock")
        except Exception as error:
            if isinstance(error, OutageError) and not isinstance(error, TooSlowError):
                raise
            if len(keys) == 1:
                self._leave_out(keys[0], error, now)
                left_out.update(keys)
                return 0
            if not isinstance(error, TooLargeError):
                log.warning("deadlines failed together, looked at in halves", orders=len(keys), error=repr(error)[:500])
        half = len(keys) // 2
        return await self._look(keys[:half], now, left_out) + await self._look(keys[half:], now, left_out)

    def _leave_out(self, key: str, error: Exception, now: datetime) -> None:
        """Let an order that fails alone stop no other's deadline."""
        if isinstance(error, ConflictError) and not error.may_last:
            log.warning("deadline in conflict, looked at again", order=key, error=str(error)[:500])
            return
        log.error("deadline failed", order=key, exc_info=error)
        self._failed[key] = now + FAILED_AGAIN

    async def _decide(self, keys: Sequence[str], now: datetime, work: Work) -> int:
        found = await self._orders.whole(keys, work.session)
        occasions = [
            # What is looked at is due no more: the review says when, if ever, it is due again.
            Occasion(it, msgspec.structs.replace(it.order, look_at=msgspec.UNSET), _cause(it.order))
            for it in found.values()
            if isinstance(it, Held)
        ]
        return await self._reviews.review(occasions, work, now)


def _cause(order: Order) -> str:
    """Return the id of the event that a deadline is, one for each time at which an order was due."""
    return event_id("deadline", order.marketplace, f"{order.order_id}/{order.look_at}")
