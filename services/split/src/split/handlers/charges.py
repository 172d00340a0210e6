"""Charges whose leg came back: looked at when their time has come, or when two people have decided about them."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from shared.commits import Commits, ConflictError, OutageError
from shared.ids import event_id
from shared.mongo import Database
from shared.work import Work
from split.domain.charges import Charge
from split.domain.gates import Gate, payees_of
from split.domain.paying import paid_again
from split.domain.pots import MERCHANT
from split.domain.resting import Deed
from split.handlers.reviews import Moments, booked_as
from split.store.books import Books
from split.store.charges import Charges
from split.store.merchants import Merchants
from split.store.standings import Standings, Who

SWEEP_EVERY_S: Final = 5.0
CHARGES_PER_SWEEP_MAX: Final = 200

log = structlog.get_logger(__name__)


class ChargeReviews:
    """Looks at charges."""

    def __init__(
        self,
        database: Database,
        commits: Commits,
        charges: Charges,
        merchants: Merchants,
        moments: Moments,
        note_imbalance: Callable[[int], None],
    ) -> None:
        self._database = database
        self._commits = commits
        self._charges = charges
        self._merchants = merchants
        self._moments = moments
        self._note_imbalance = note_imbalance
        self._standings = Standings(database)

    async def sweep(self) -> int:
        """Look at every charge whose time has come; return how many of them changed."""
        now, changed = self._moments.now(), 0
        for key in await self._charges.due(now, CHARGES_PER_SWEEP_MAX):
            try:
                changed += await self._commits.run(partial(self._look, key, now), origin="clock")
            except (OutageError, ConflictError):
                raise
            except Exception:
                # A bug in one charge stops no other's.
                log.exception("charge failed, looked at again", charge=key)
        return changed

    async def _look(self, key: str, now: datetime, work: Work) -> bool:
        charge = (await self._charges.load([key], work.session)).get(key)
        if charge is None or not isinstance(charge.look_at, datetime) or charge.look_at > now:
            return False  # another replica was here
        cause = event_id("deadline", charge.marketplace, f"{charge.document}/{charge.look_at}")
        await self.review(charge, work, cause)
        return True

    async def gate(self, charge: Charge, work: Work) -> Gate:
        """Return the gate that its legs pass."""
        marketplace, now = charge.marketplace, self._moments.now()
        keys = {f"{marketplace}/{it.payee}" for it in charge.shares if it.receiver.startswith(MERCHANT)}
        copies = await self._merchants.copies(keys, work.session)
        stops, calendar = await self._moments.days_and_stops(marketplace, work.session)
        payees = payees_of(copies.values(), now)
        return Gate(charge.channel_account, charge.currency, now, calendar, stops, payees)

    async def review(self, charge: Charge, work: Work, cause: str, deed: Deed | None = None) -> None:
        """Decide about its legs that came back, book it, and ask for the payout that follows."""
        gate, marketplace = await self.gate(charge, work), charge.marketplace
        whom = [Who(marketplace, it.payee, charge.currency) for it in charge.shares if it.receiver.startswith(MERCHANT)]
        sheet = await self._standings.opened(whom, (), work.session)
        decision = paid_again(charge, gate, sheet.of(marketplace, charge.currency), deed)
        if decision is None:
            return
        books = await Books.opened(self._database, work, self._note_imbalance)
        books.post(charge, booked_as(deed), decision.entries, cause)
        books.close()
        sheet.keep(marketplace, charge.currency, decision.standings)
        sheet.write(work)
        if isinstance(decision.order, Charge):
            self._charges.change(work, charge, decision.order)
        if decision.payout is not None:
            work.publish(decision.payout)
