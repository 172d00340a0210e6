"""Merchant-changed: keep the newest copy of each merchant, and have what waits for it looked at again."""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from shared.clock import Clock
from shared.messages import MerchantChanged, encode
from shared.record import Batch
from shared.work import Work
from split.domain.agreements import late_since
from split.domain.gates import MINIMUM
from split.store.lates import Lates
from split.store.merchants import Copy, Merchants
from split.store.wakes import Wakes

ACCRUES: Final = b'"minimums":[{'
"""In the body of a merchant with an agreement under which amounts add up: another one may let them go."""


class Signals(NamedTuple):
    """Who is told of news: that orders wait for a merchant, for a late version of it, or for its minimum."""

    release: Callable[[str], None]
    correct: Callable[[str], None]
    wake: Callable[[str], None]


class MerchantHandlers:
    """What split does with changes of merchants."""

    def __init__(self, merchants: Merchants, lates: Lates, wakes: Wakes, clock: Clock, tell: Signals) -> None:
        self._merchants = merchants
        self._lates = lates
        self._wakes = wakes
        self._clock = clock
        self._tell = tell

    async def copy_merchants(self, batch: Batch[MerchantChanged], work: Work) -> None:
        """Keep the greatest version. The same version with another content is refused: the first stands."""
        keys = {received.event.key for received in batch}
        stored = await self._merchants.stored(keys, work.session)
        waited_for = await self._merchants.waited_for(keys, work.session)
        newest = dict(stored)
        news: dict[str, MerchantChanged] = {}
        for received in batch:
            event, body = received.event, encode(received.event)
            known = newest.get(event.key)
            if known is not None and event.version == known.version and body != known.body:
                work.reject(received, "contract", "merchant_differs")
            elif known is None or event.version > known.version:
                newest[event.key] = Copy(event.version, body)
                news[event.key] = event
        for key, event in news.items():
            before = stored.get(key)
            self._merchants.keep(work, event, newest[key].body, before.version if before else None)
            since = late_since(before.read().agreements, event.agreements, self._clock.now()) if before else None
            if since is not None:
                late = self._lates.ask(work, event.marketplace, event.merchant, since, event.version)
                work.after_commit(partial(self._tell.correct, late))
            if ACCRUES in newest[key].body or (before is not None and ACCRUES in before.body):
                asked = self._wakes.ask(work, event.marketplace, MINIMUM + event.merchant)
                work.after_commit(partial(self._tell.wake, asked))
        for key in waited_for & news.keys():
            work.after_commit(partial(self._tell.release, key))
