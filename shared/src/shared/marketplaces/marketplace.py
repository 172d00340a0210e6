"""One marketplace (tenant) as the services use it: its days, whose events are believed, whose accounts are its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """One account at an institution, reached through one profile. `own`: it is the platform's own (decision 0028)."""

    profile: str
    account: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Waiver:
    """Who has decided, when and why, that this marketplace uses a profile whose money takes a way over the platform."""

    profile: str
    by: str
    at: date
    reason: str


@dataclass(frozen=True, slots=True)
class DebtLimits:
    """Past what debts a merchant is paid nothing more: so many days, so many minor units by currency. None: any."""

    days: int | None = None
    amounts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One tenant. A source that ends in `*` stands for every ce_source that begins like it.

    `holidays` are weekdays without work; `workdays` are days of a weekend with it. `own_accounts`: those of the
    platform's own, by profile and account.
    """

    id: str
    zone: ZoneInfo
    day_cut: time
    sources: tuple[str, ...]
    channel_accounts: tuple[ChannelAccount, ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    debts: DebtLimits = DebtLimits()
    waivers: tuple[Waiver, ...] = ()
    _owned: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)
    own_accounts: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)
    _waived: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the accounts: `owns` is asked for every payment of every order."""
        own = frozenset((it.profile, it.account) for it in self.channel_accounts if it.own)
        object.__setattr__(self, "own_accounts", own)
        object.__setattr__(self, "_waived", frozenset(it.profile for it in self.waivers))
        object.__setattr__(self, "_owned", frozenset((it.profile, it.account) for it in self.channel_accounts))

    def owns(self, profile: str, account: str) -> bool:
        """Return whether money paid to that account is this marketplace's."""
        return (profile, account) in self._owned

    def is_own(self, profile: str, account: str) -> bool:
        """Return whether that account is the platform's own, into which only its own sales may be paid."""
        return (profile, account) in self.own_accounts

    def waived(self, profile: str) -> bool:
        """Return whether somebody has put on record that this marketplace may use a profile that needs a waiver."""
        return profile in self._waived

    def allows(self, source: str) -> bool:
        """Return whether an event with this ce_source is believed (architecture, Envelope)."""
        return any(matches(pattern, source) for pattern in self.sources)


def matches(pattern: str, value: str) -> bool:
    """Return whether `value` is `pattern`, or begins with it where the pattern ends in `*`."""
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
