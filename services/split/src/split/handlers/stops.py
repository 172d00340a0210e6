"""Pausing payouts and letting them go on: who, why, and once for each key (money.md 3.10)."""

from collections.abc import Callable
from functools import partial

import msgspec

from shared.clock import Clock
from shared.commits import Commits
from shared.ids import event_id
from shared.work import Work
from split.domain.refusals import Refused
from split.domain.stops import Change, Target, refusal
from split.store.merchants import Merchants
from split.store.stops import StopStore
from split.store.wakes import Wakes


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A pause or a resumption that somebody asks for. The same `key` again is the same wish."""

    target: Target
    paused: bool
    actor: str
    reason: str
    key: str


class StopHandlers:
    """What split does with stops."""

    def __init__(
        self,
        commits: Commits,
        clock: Clock,
        stops: StopStore,
        merchants: Merchants,
        wakes: Wakes,
        wake: Callable[[str], None],
    ) -> None:
        self._commits = commits
        self._clock = clock
        self._stops = stops
        self._merchants = merchants
        self._wakes = wakes
        self._wake = wake

    async def change(self, wish: Wish) -> Change | Refused:
        """Pause or resume. What a stop has held is released page by page behind this, whatever happens meanwhile."""

        async def decide(work: Work) -> Change | Refused:
            target, now = wish.target, self._clock.now()
            change = Change(
                change_id=event_id("stop", target.marketplace, wish.key),
                target=target,
                paused=wish.paused,
                actor=wish.actor,
                reason=wish.reason,
                at=now.replace(microsecond=now.microsecond // 1_000 * 1_000),  # as MongoDB keeps it
            )
            known = await self._stops.change(f"{target.marketplace}/{change.change_id}", work.session)
            if known is not None:
                if msgspec.structs.replace(known, at=change.at) == change:
                    return known
                return Refused("idempotency_key_reused", "this key was used for another change")
            refused = refusal(
                change,
                paused_by=await self._stops.paused_by(target, work.session),
                paused_now=await self._stops.count(target.marketplace, work.session),
            )
            if refused is not None:
                return refused
            self._stops.record(work, change)
            if not change.paused:
                # Whoever is holding an order by this stop right now writes the same documents: one of both runs again.
                self._merchants.meet(work, target.key)
                work.after_commit(partial(self._wake, self._wakes.ask(work, target.marketplace, target.name)))
            return change

        return await self._commits.run(decide, origin="api")
