"""Doubts: somebody says that a bank has returned what was paid or refunded; the institution's own answer decides."""

from payments.domain.outcomes import doubted
from payments.domain.payouts import Payout
from payments.domain.refunds import course
from payments.domain.refunds.refund import Refund
from payments.store.payouts import Payouts
from payments.store.refunds import Refunds
from shared import leases
from shared.commits import Commits
from shared.mongo import Database
from shared.work import Work


class Doubts:
    """The way in for one doubt."""

    def __init__(self, database: Database, payouts: Payouts, refunds: Refunds, commits: Commits) -> None:
        self._database = database
        self._payouts = payouts
        self._refunds = refunds
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

    async def ask_again_of_refund(self, key: str) -> Refund | None:
        """Have the institution asked after what a buyer got, by `<marketplace>/<refund id>`; None: no such one.

        A refund that is not final, or of which the buyer got nothing, stays as it is. Asking twice is asking once.
        """
        now = await leases.now(self._database)

        async def decide(work: Work) -> Refund | None:
            known = (await self._refunds.known([key], work.session)).get(key)
            if known is None:
                return None
            after = course.doubted(known.refund)
            if after != known.refund:
                self._refunds.doubt(work, after, now)
            return after

        return await self._commits.run(decide, origin="api")
