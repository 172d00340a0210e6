"""Merchant-changed: keep the newest copy of each merchant, and have what waits for it looked at again."""

from collections.abc import Callable
from functools import partial

from shared.messages import MerchantChanged, encode
from shared.record import Batch
from shared.work import Work
from split.store.merchants import Copy, Merchants


class MerchantHandlers:
    """What split does with changes of merchants."""

    def __init__(self, merchants: Merchants, release: Callable[[str], None]) -> None:
        self._merchants = merchants
        self._release = release

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
        for key in waited_for & news.keys():
            work.after_commit(partial(self._release, key))
