"""A marketplace's rules as versions on one time line, and which of them is in force when.

A version is never edited. It holds from its effective_from until the next version's, or until its own stated end; in a
gap only agreements decide.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from shared.messages import Rule
from shared.messages.contract import ExternalId
from split.domain.tariff import RuleBook


class MarketplaceRule(Rule, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A rule for all of a marketplace's merchants, or for the one that it states."""

    merchant: ExternalId | None = None


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


NO_RULES = RuleSets()
