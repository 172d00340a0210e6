"""Stating a marketplace's rules: once for each key, and behind it a new look at the orders that no rule had fitted."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import msgspec

from shared.clock import Clock
from shared.commits import Commits
from shared.work import Work
from split.domain.refusals import Refused
from split.domain.rulesets import Said, Stated, Version, ends, next_version
from split.domain.tariff import RULES
from split.store.merchants import Merchants
from split.store.rulesets import Known, Rulesets, encoded
from split.store.wakes import Wakes


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that somebody wants to be in force. The same `key` again is the same wish."""

    marketplace: str
    stated: Stated
    actor: str
    reason: str
    key: str


class Shown(msgspec.Struct, frozen=True):
    """A version, the end that it really has, and its rules as they are stored. `made`: just now."""

    version: Version
    effective_to: datetime | None
    body: bytes
    made: bool = False


class RuleHandlers:
    """What split does with wishes to state rules."""

    def __init__(
        self,
        commits: Commits,
        clock: Clock,
        rulesets: Rulesets,
        merchants: Merchants,
        wakes: Wakes,
        wake: Callable[[str], None],
        lead: timedelta,
    ) -> None:
        self._commits = commits
        self._clock = clock
        self._rulesets = rulesets
        self._merchants = merchants
        self._wakes = wakes
        self._wake = wake
        self._lead = lead

    async def state(self, wish: Wish) -> Shown | Refused:
        """Make the next version; a repeat is answered with the version that it made."""
        body = encoded(wish.stated.rules)

        async def decide(work: Work) -> Shown | Refused:
            known = await self._rulesets.known(wish.marketplace, work.session)
            before = next((it for it in shown(known) if it.version.key == wish.key), None)
            if before is not None:
                return before if _same(before, wish, body) else _reused(before)
            said = Said(
                actor=wish.actor, reason=wish.reason, key=wish.key, at=_kept(self._clock.now()), lead=self._lead
            )
            version = next_version(known.versions, wish.stated, said, len(body), known.rules)
            if isinstance(version, Refused):
                return version
            self._rulesets.add(work, wish.marketplace, version, body)
            # Whoever finds no rule for an order right now writes the same documents: one of both runs again.
            self._merchants.meet(work, f"{wish.marketplace}/{RULES}")
            work.after_commit(partial(self._wake, self._wakes.ask(work, wish.marketplace, RULES)))
            after = Known((*known.versions, version), (*known.bodies, body))
            made = next(it for it in shown(after) if it.version == version)
            return msgspec.structs.replace(made, made=True)

        return await self._commits.run(decide, origin="api")


def shown(known: Known) -> list[Shown]:
    """Return every version with the end that it really has, in the order in which they were stated."""
    bodies = {version.number: body for version, body in zip(known.versions, known.bodies, strict=True)}
    found = [Shown(version, end, bodies[version.number]) for version, end in ends(known.versions)]
    return sorted(found, key=lambda it: it.version.number)


def _same(before: Shown, wish: Wish, body: bytes) -> bool:
    stated, known = wish.stated, before.version
    said = (known.effective_from, known.effective_to, before.body, known.actor, known.reason)
    return said == (stated.effective_from, stated.effective_to, body, wish.actor, wish.reason)


def _reused(before: Shown) -> Refused:
    return Refused("idempotency_key_reused", f"this key made version {before.version.number}, with other rules")


def _kept(moment: datetime) -> datetime:
    """Return a time as MongoDB keeps it, so that a repeated answer is the same answer."""
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
