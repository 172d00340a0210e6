"""Merchant-changed: keep a copy of each merchant's newest state."""

from aftersale.store.merchants import Merchants
from shared.messages import MerchantChanged
from shared.record import Batch
from shared.work import Work


class MerchantHandlers:
    """What aftersale does with changes of merchants."""

    def __init__(self, merchants: Merchants) -> None:
        self._merchants = merchants

    async def copy_merchants(self, batch: Batch[MerchantChanged], work: Work) -> None:
        """Keep of each merchant the greatest version; an older one that comes late changes nothing."""
        before = await self._merchants.versions({it.event.key for it in batch}, work.session)
        newest: dict[str, MerchantChanged] = {}
        for received in batch:
            event = received.event
            known = newest[event.key].version if event.key in newest else before.get(event.key, 0)
            if event.version > known:
                newest[event.key] = event
        for key, event in newest.items():
            self._merchants.record(work, event, before.get(key))
