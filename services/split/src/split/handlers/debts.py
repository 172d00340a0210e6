"""Who owes more, or for longer, than its marketplace bears is paid nothing until it owes less (money.md 5).

What is earned in the currency of a debt pays it off anyway, before anything goes out. The stop keeps back the rest:
what is due in other currencies, and what rests. It is a stop like an operator's, and an operator may end it: it does
not come again for the same debt.
"""

from datetime import timedelta
from typing import Final, NamedTuple

import structlog

from shared.clock import Clock
from shared.marketplaces import DebtLimits, Marketplaces
from split.domain.guards import Limits, past
from split.domain.refusals import Refused
from split.domain.stops import DEBTS, Target
from split.handlers.stops import StopHandlers, Wish
from split.store.guards import Guards
from split.store.stops import StopStore

SWEEP_EVERY_S: Final = 10.0

log = structlog.get_logger(__name__)


class Debtor(NamedTuple):
    """A merchant that is past a limit: why, and what makes this debt another than the next one."""

    reason: str
    debt: str


class DebtWatch:
    """Stops payouts to merchants past the limits of their marketplaces, and lets them go on."""

    def __init__(
        self, guards: Guards, stops: StopStore, stop: StopHandlers, marketplaces: Marketplaces, clock: Clock
    ) -> None:
        self._guards = guards
        self._stops = stops
        self._stop = stop
        self._marketplaces = marketplaces
        self._clock = clock

    async def once(self) -> int:
        """Look at every debt; return how many merchants were stopped, or let go on."""
        stopped = {it.target: it for it in await self._stops.by(DEBTS)}
        debtors = await self._debtors()
        changed = 0
        for target, it in debtors.items():
            if target not in stopped:
                wish = Wish(target=target, paused=True, actor=DEBTS, reason=it.reason, key=f"debt/{it.debt}")
                changed += await self._change(wish)
        for target, change in stopped.items():
            if target not in debtors:
                key, reason = f"debt-over/{change.change_id}", "it owes less"
                changed += await self._change(Wish(target=target, paused=False, actor=DEBTS, reason=reason, key=key))
        return changed

    async def _debtors(self) -> dict[Target, Debtor]:
        now, found = self._clock.now(), dict[Target, Debtor]()
        async for key, guard in self._guards.owing():
            marketplace, merchant, currency = key.split("/")
            tenant = self._marketplaces.find(marketplace)
            reason = past(guard, currency, _limits(tenant.debts), now) if tenant else None
            if reason is not None:
                target = Target(marketplace=marketplace, scope="merchant", subject=merchant)
                debt = f"{merchant}/{currency}/{guard.debt_since}/{reason}"
                found.setdefault(target, Debtor(f"{reason}: {currency}", debt))
        return found

    async def _change(self, wish: Wish) -> bool:
        began = self._clock.now()
        found = await self._stop.change(wish)
        if isinstance(found, Refused):  # somebody else has paused or resumed it meanwhile, or has too many stops
            log.info("stop not changed", target=wish.target.key, why=found.reason)
            return False
        if found.at < began:  # made before, and ended by an operator: not again for this debt
            return False
        log.warning("debt past its limit" if wish.paused else "debt is less", target=wish.target.key, why=wish.reason)
        return True


def _limits(debts: DebtLimits) -> Limits:
    return Limits(debts.amounts, None if debts.days is None else timedelta(days=debts.days))
