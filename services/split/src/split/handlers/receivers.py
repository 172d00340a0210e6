"""Binding and unbinding receivers: by consent, once for each key, and whoever waited for one is looked at again."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import msgspec

from shared.clock import Clock
from shared.commits import Commits
from shared.ids import event_id
from shared.profiles import Profile
from shared.work import Work
from split.domain.bindings import Change, Place, Terms, counted
from split.domain.refusals import Refused
from split.store.merchants import Merchants
from split.store.receivers import Receivers
from split.store.wakes import Wakes


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A binding (with `terms`) or an unbinding that somebody asks for. The same `key` again is the same wish."""

    place: Place
    terms: Terms | None
    actor: str
    reason: str
    key: str


class ReceiverHandlers:
    """What split does with receivers."""

    def __init__(
        self,
        commits: Commits,
        clock: Clock,
        receivers: Receivers,
        merchants: Merchants,
        wakes: Wakes,
        wake: Callable[[str], None],
    ) -> None:
        self._commits = commits
        self._clock = clock
        self._receivers = receivers
        self._merchants = merchants
        self._wakes = wakes
        self._wake = wake

    async def change(self, wish: Wish, profile: Profile) -> Change | Refused:
        """Bind or unbind. What waited for a receiver is released page by page behind this."""

        async def decide(work: Work) -> Change | Refused:
            change = Change(
                change_id=event_id("receiver", wish.place.marketplace, wish.key),
                place=wish.place,
                terms=wish.terms,
                actor=wish.actor,
                reason=wish.reason,
                at=self._now(),
            )
            made = await self._receivers.change(f"{wish.place.marketplace}/{change.change_id}", work.session)
            if made is not None:
                if change.same(made):
                    return made
                return Refused("idempotency_key_reused", "this key was used for another change")
            known, count = await self._receivers.known(wish.place, work.session)
            after = counted(change, known, count, profile)
            if isinstance(after, Refused):
                return after
            self._receivers.record(work, change, after)
            if change.state == "bound":
                # Whoever is holding an order for it right now writes the same document: one of both runs again.
                self._merchants.meet(work, f"{wish.place.marketplace}/{wish.place.wait}")
                work.after_commit(partial(self._wake, self._wakes.ask(work, wish.place.marketplace, wish.place.wait)))
            return change

        return await self._commits.run(decide, origin="api")

    def _now(self) -> datetime:
        """Return the time as MongoDB keeps it, so that a repeated answer is the same answer."""
        now = self._clock.now()
        return now.replace(microsecond=now.microsecond // 1_000 * 1_000)
