"""Doubts: somebody says that a bank has returned what was paid; the institution is asked, and its answer decides."""

from payments.domain.outcomes import doubted
from payments.domain.payouts import Payout
from payments.store.payouts import Payouts
from shared import leases
from shared.commits import Commits
from shared.mongo import Database
from shared.work import Work


class Doubts:
    """The way in for one doubt."""

    def __init__(self, database: Database, payouts: Payouts, commits: Commits) -> None:
        self._database = database
        self._payouts = payouts
        self._commits = commits

    async def ask_again(self, key: str) -> Payout | None:
        """Have the institution asked after what a payout has paid, by `<marketplace>/<payout id>`; None: no such one.

        A payout that is not final, or has paid nothing, stays as it is. Asking twice is asking once.
        """
        now = await leases.now(self._database)

        async def decide(work: Work) -> Payout | None:
            known = (await self._payouts.known([key], work.session)).get(key)
            if known is None:
                return None
            after = doubted(known.payout)
            if after != known.payout:
                self._payouts.doubt(work, known.payout, after, now)
            return after

        return await self._commits.run(decide, origin="api")
