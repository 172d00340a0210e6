"""A marketplace's rules as versions on one time line: what may be stated, and which version is in force when.

A version is never edited. It holds from its effective_from until the next version's, or until its own stated end; in a
gap only agreements decide (docs/decisions/0019).
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared import tariffs
from shared.messages import Rule
from shared.messages.contract import ExternalId
from split.domain.refusals import Refused
from split.domain.tariff import RuleBook

RULES_MAX: Final = 500
"""Of one version; agreements have rules of their own."""
VERSIONS_MAX: Final = 1_000
STATE_BYTES_MAX: Final = 12_000_000
"""Of all versions together: they stand in one document, which may have 16 MB."""


class MarketplaceRule(Rule, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A rule for all of a marketplace's merchants, or for the one that it states."""

    merchant: ExternalId | None = None


class Stated(msgspec.Struct, frozen=True):
    """What somebody wants to be in force, from when until when (exclusive; None: until the next version)."""

    effective_from: datetime
    effective_to: datetime | None
    rules: tuple[MarketplaceRule, ...]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One statement. `key` is the caller's idempotency key; `size` how many bytes its rules have as they are stored."""

    number: int
    announced_at: datetime
    effective_from: datetime
    effective_to: datetime | None
    actor: str
    reason: str
    key: str
    size: int


class Span(msgspec.Struct, frozen=True):
    """When a version really holds; the end is exclusive, None: open. `read` gives its rules, which few orders ask."""

    version: int
    effective_from: datetime
    effective_to: datetime | None
    read: Callable[[], RuleBook]


class RuleSets:
    """The versions of one marketplace. Asking changes nothing."""

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        self._spans = sorted(spans, key=lambda it: it.effective_from)
        self._starts = [it.effective_from for it in self._spans]

    def at(self, paid_at: datetime) -> RuleBook | None:
        """Return the rules that were in force when an order was paid; None: there were none."""
        if not self._spans:
            return None
        place = bisect_right(self._starts, paid_at) - 1
        if place < 0:
            return None
        span = self._spans[place]
        return span.read() if span.effective_to is None or paid_at < span.effective_to else None


NO_RULES: Final = RuleSets()


def ends(versions: Sequence[Version]) -> Iterator[tuple[Version, datetime | None]]:
    """Give each version in order of effect, with when it really ends; no two overlap."""
    ordered = sorted(versions, key=lambda it: it.effective_from)
    for version, following in zip(ordered, [*ordered, None][1:], strict=True):
        stops = [it for it in (version.effective_to, following.effective_from if following else None) if it]
        yield version, min(stops, default=None)


type Read = Callable[[Version], Sequence[Rule]]
"""Gives the rules of a version."""


def refusal(versions: Sequence[Version], stated: Stated, size: int, earliest: datetime, read: Read) -> Refused | None:
    """Return why this may not be the next version, or None.

    `earliest` is from when on a version that is in force, or planned, may be replaced: announced plus the lead time.
    Where none is in force one may begin at any past time, and then decides about what waits for a rule and what has
    not been split yet: orders already split keep what was decided about them. So may one that only adds rules for what
    none has fitted: else what waits for a rule would wait for ever.
    """
    if len(versions) >= VERSIONS_MAX or size + sum(it.size for it in versions) > STATE_BYTES_MAX:
        detail = f"a marketplace has at most {VERSIONS_MAX} versions, and {STATE_BYTES_MAX} bytes of rules in all"
        return Refused("too_many_versions", detail)
    if stated.effective_to is not None and stated.effective_to <= stated.effective_from:
        return Refused("period_empty", "effective_to must be later than effective_from")
    if any(it.effective_from == stated.effective_from for it in versions):
        return Refused("effective_from_taken", "another version takes effect at that moment")
    if mistake := tariffs.mistake(stated.rules):
        return Refused(mistake.reason, mistake.detail)
    return _too_soon(versions, stated, earliest, read)


def _too_soon(versions: Sequence[Version], stated: Stated, earliest: datetime, read: Read) -> Refused | None:
    begins = stated.effective_from
    for version, end in ends(versions) if begins < earliest else ():
        if version.effective_from <= begins and (end is None or begins < end):
            as_long = stated.effective_to == version.effective_to
            if as_long and only_fills(read(version), stated.rules):
                continue
            detail = f"version {version.number} is in force then; a change may take effect from {earliest.isoformat()}"
            return Refused("rules_too_soon", detail)
    return None


def only_fills(before: Sequence[Rule], after: Sequence[Rule]) -> bool:
    """Tell whether rules only add to others what decides about lines that none of those fit.

    All of them stand there still, and a new one never goes before them, nor before an agreement: it states no more
    conditions than any of them, and one at most. That no two tie is asked elsewhere.
    """
    new = [len(tariffs.conditions_of(it)) for it in after if it not in before]
    most = min((len(tariffs.conditions_of(it)) for it in before), default=1)
    return bool(new) and all(it in after for it in before) and max(new) <= min(most, 1)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Who states something, why, when, under which idempotency key, and how long before its effect that must be."""

    actor: str
    reason: str
    key: str
    at: datetime
    lead: timedelta


def next_version(versions: Sequence[Version], stated: Stated, said: Said, size: int, read: Read) -> Version | Refused:
    """Return the version that this statement makes, or why it may not be."""
    if refused := refusal(versions, stated, size, said.at + said.lead, read):
        return refused
    return Version(
        number=max((it.number for it in versions), default=0) + 1,
        announced_at=said.at,
        effective_from=stated.effective_from,
        effective_to=stated.effective_to,
        actor=said.actor,
        reason=said.reason,
        key=said.key,
        size=size,
    )
