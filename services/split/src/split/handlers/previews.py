"""Previewing a split: an order's claim against what is known now, in one snapshot. Nothing is written."""

from shared.commits import Commits
from shared.messages import SplitRequested
from shared.work import Work
from split.domain.previews import Preview, preview
from split.handlers.reviews import Reviews, by_marketplace, keys_of
from split.store.merchants import Merchants


class PreviewHandlers:
    """What split does with orders that nobody has paid."""

    def __init__(self, commits: Commits, merchants: Merchants, reviews: Reviews) -> None:
        self._commits = commits
        self._merchants = merchants
        self._reviews = reviews

    async def preview(self, request: SplitRequested) -> Preview | str:
        """Return what splitting this order now would do; a reason if it would be refused."""

        async def decide(work: Work) -> Preview | str:
            copies = by_marketplace(await self._merchants.copies(keys_of([request]), work.session))
            sheet = await self._reviews.sheet([(request, ())], work)
            moments = await self._reviews.moments.present([request], copies, work.session)
            merchants, stand = copies.get(request.marketplace, {}), sheet.of(request.marketplace, request.currency)
            return preview(request, merchants, moments[request.marketplace], stand)

        return await self._commits.run(decide, origin="api")
