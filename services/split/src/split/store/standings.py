"""What merchants have outside of an order, read in the snapshot of a unit of work, and written where it was decided by.

Whoever decides by a merchant's whole balance writes its guard, so that two such decisions meet (architecture, Guards).
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from shared.mongo import Database, Session
from shared.work import Work
from split.domain.funding import FRESH_STANDING, Standing
from split.domain.tallies import NOBODY_OWES
from split.store.accounts import Accounts
from split.store.guards import Guards, key_of

AVAILABLE: Final = "merchant:available"
DEPOSIT: Final = "deposit"


class Who(NamedTuple):
    """A merchant in a currency of a marketplace."""

    marketplace: str
    merchant: str
    currency: str


class Sheet:
    """The standings that one unit of work decides by, order after order."""

    def __init__(self, guards: Guards, known: Mapping[Who, Standing]) -> None:
        """Use `Standings.opened` to make one."""
        self._guards = guards
        self._before = known
        self._after: dict[Who, Standing] = {}
        self._by_place: dict[tuple[str, str], dict[str, Standing]] = {}
        for who, it in known.items():
            if it != FRESH_STANDING:  # of nearly all merchants there is nothing to know
                self._by_place.setdefault((who.marketplace, who.currency), {})[who.merchant] = it

    def of(self, marketplace: str, currency: str) -> Mapping[str, Standing]:
        """Return the standings in a marketplace and currency, by merchant, without those of whom nothing is known."""
        return self._by_place.get((marketplace, currency), NOBODY_OWES)

    def keep(self, marketplace: str, currency: str, changed: Mapping[str, Standing]) -> None:
        """Note what a decision has changed."""
        for merchant, it in changed.items():
            self._after[Who(marketplace, merchant, currency)] = it
            self._by_place.setdefault((marketplace, currency), {})[merchant] = it

    def note(self, marketplace: str, currency: str, entries: Mapping[str, int]) -> None:
        """Note what this unit books to balances that were read before; nothing is decided by that."""
        place = self._by_place.setdefault((marketplace, currency), {})
        for account, amount in entries.items():
            kind, _, merchant = account.partition("/")
            it = place.get(merchant, FRESH_STANDING)
            if kind == AVAILABLE:
                place[merchant] = msgspec.structs.replace(it, available_minor=it.available_minor + amount)
            elif kind == DEPOSIT:
                place[merchant] = msgspec.structs.replace(it, deposit_minor=it.deposit_minor + amount)

    def freed(self) -> list[Who]:
        """Return whose amounts have come to their minimum, so that those added up before may go."""
        before = self._before
        return [
            who
            for who, after in self._after.items()
            if after.guard.accrual > before.get(who, FRESH_STANDING).guard.accrual
        ]

    def write(self, work: Work) -> None:
        """Write the guard of each merchant about whom something was decided."""
        for who, after in self._after.items():
            before = self._before.get(who, FRESH_STANDING)
            self._guards.change(work, key_of(*who), before.guard, after.guard)


class Standings:
    """Opens sheets."""

    def __init__(self, database: Database) -> None:
        self._guards = Guards(database)
        self._accounts = Accounts(database)

    async def opened(self, whom: Iterable[Who], to_the_last: Iterable[Who], session: Session) -> Sheet:
        """Return a sheet of these merchants; of those `to_the_last`, with what they have available and deposited."""
        full = set(to_the_last)
        wanted = {key_of(*who): who for who in full | set(whom)}
        guards = await self._guards.load(wanted, session) if wanted else {}
        known = {wanted[key]: Standing(guard=guard) for key, guard in guards.items()}
        for who in full:
            available = await self._balance(who, f"{AVAILABLE}/{who.merchant}", session)
            deposit = await self._balance(who, f"{DEPOSIT}/{who.merchant}", session)
            known[who] = msgspec.structs.replace(known[who], available_minor=available, deposit_minor=deposit)
        return Sheet(self._guards, known)

    async def _balance(self, who: Who, account: str, session: Session) -> int:
        return await self._accounts.balance(who.marketplace, account, who.currency, session) or 0
