"""Merchant-changed: keep the newest copy of each merchant."""

from payments.store.merchants import Merchants
from shared.messages import MerchantChanged
from shared.record import Batch
from shared.work import Work


class MerchantHandlers:
    """What payments does with changes of merchants."""

    def __init__(self, merchants: Merchants) -> None:
        self._merchants = merchants

    async def copy_merchants(self, batch: Batch[MerchantChanged], work: Work) -> None:
        """Keep of each merchant the greatest version; an older one that comes late changes nothing."""
        versions = await self._merchants.versions((received.event.key for received in batch), work.session)
        newest: dict[str, MerchantChanged] = {}
        for received in batch:
            event = received.event
            if event.version > (newest[event.key].version if event.key in newest else versions.get(event.key, 0)):
                newest[event.key] = event
        for key, event in newest.items():
            self._merchants.keep(work, event, versions.get(key))
