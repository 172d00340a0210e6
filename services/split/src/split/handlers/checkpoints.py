"""The clock's checkpoints: now and then what all accounts held is kept, so that a statement begins there.

Running it twice, or on two replicas at once, writes the same documents twice.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from shared import leases
from shared.commits import Commits
from shared.mongo import Database
from shared.work import Work
from split.domain.periods import final_until
from split.store.checkpoints import Checkpoints, balances_id

CHECKPOINTS_EVERY_S: Final = 60.0
ALIGNED_TO: Final = timedelta(minutes=15)
"""Checkpoints are of whole quarters of an hour, at which the business days of every zone begin."""
GROUPS_PER_UNIT_MAX: Final = 8

log = structlog.get_logger(__name__)


class CheckpointSweep:
    """Makes the checkpoints that are worth their cost."""

    def __init__(self, database: Database, commits: Commits, checkpoints: Checkpoints) -> None:
        self._database = database
        self._commits = commits
        self._checkpoints = checkpoints

    async def once(self) -> int:
        """Look at every marketplace and currency; return how many checkpoints were made."""
        # MongoDB's own time, also where a test has moved the service's: what is booked has that time.
        final = final_until(await leases.now(self._database))
        moment = final - (final - datetime.min.replace(tzinfo=final.tzinfo)) % ALIGNED_TO
        made = 0
        async for marketplace, currency in self._checkpoints.books():
            if await self._checkpoints.wanted(marketplace, currency, moment):
                made += await self.make(marketplace, currency, moment)
        return made

    async def make(self, marketplace: str, currency: str, moment: datetime) -> bool:
        """Make one checkpoint; False where the accounts do not sum to zero, of which nothing may be derived."""
        start, total, waiting = balances_id(marketplace, currency, moment), 0, dict[str, dict[str, int]]()
        async with await self._database.client.start_session(snapshot=True) as session:
            async for group, held in self._checkpoints.groups(marketplace, currency, moment, session):
                total += sum(held.values())
                waiting[start + group] = held
                if len(waiting) == GROUPS_PER_UNIT_MAX:
                    await self._keep(waiting)
                    waiting = {}
        await self._keep(waiting)
        if total:
            log.error("checkpoint not made: accounts do not sum to zero", start=start, total_minor=total)
            return False

        async def mark(work: Work) -> None:
            self._checkpoints.mark(work, marketplace, currency, moment)

        await self._commits.run(mark, origin="clock")
        return True

    async def _keep(self, groups: dict[str, dict[str, int]]) -> None:
        async def keep(work: Work) -> None:
            for identity, held in groups.items():
                self._checkpoints.keep(work, identity, held)

        if groups:
            await self._commits.run(keep, origin="clock")
