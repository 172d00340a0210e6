"""The marketplaces (tenants) as data: zone, day cut, whose events are believed, which channel accounts are theirs.

Read once at start; a file with a mistake stops the service with the place of the mistake. No business rule lives here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from shared.ids import EXTERNAL_ID_PATTERN, MARKETPLACE_PATTERN
from shared.profiles import shipped

FOUND_MAX: Final = 10_000
"""Answers kept by `find`. Ids come from outside, so what is remembered about them must have a limit."""

DAYS_MAX: Final = 2_000
"""Holidays and working weekends that a marketplace may name."""

DEBT_DAYS_MAX: Final = 3_650
SATURDAY: Final = 5
OWN_ID: Final = "{marketplace}"
_MARKETPLACE: Final = re.compile(MARKETPLACE_PATTERN)
_ACCOUNT: Final = re.compile(EXTERNAL_ID_PATTERN)


class MarketplacesError(ValueError):
    """The marketplaces file cannot be used; the message names the file, the place in it and the mistake."""


@dataclass(frozen=True, slots=True)
class ChannelAccount:
    """One account at an institution, reached through one profile."""

    profile: str
    account: str


@dataclass(frozen=True, slots=True)
class DebtLimits:
    """Past what debts a merchant is paid nothing more: so many days, so many minor units by currency. None: any."""

    days: int | None = None
    amounts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One tenant. A source that ends in `*` stands for every ce_source that begins like it.

    `holidays` are weekdays without work; `workdays` are days of a weekend with it.
    """

    id: str
    zone: ZoneInfo
    day_cut: time
    sources: tuple[str, ...]
    channel_accounts: tuple[ChannelAccount, ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    debts: DebtLimits = DebtLimits()
    _owned: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the accounts: `owns` is asked for every payment of every order."""
        object.__setattr__(self, "_owned", frozenset((it.profile, it.account) for it in self.channel_accounts))

    def owns(self, profile: str, account: str) -> bool:
        """Return whether money paid to that account is this marketplace's."""
        return (profile, account) in self._owned

    def allows(self, source: str) -> bool:
        """Return whether an event with this ce_source is believed (architecture, Envelope)."""
        return any(matches(pattern, source) for pattern in self.sources)


def matches(pattern: str, value: str) -> bool:
    """Return whether `value` is `pattern`, or begins with it where the pattern ends in `*`."""
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Account(_Strict):
    profile: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
    account: Annotated[str, StringConstraints(min_length=1, max_length=64)]

    @field_validator("profile")
    @classmethod
    def _is_a_profile(cls, profile: str) -> str:
        if shipped().find(profile) is None:
            message = f"there is no profile {profile!r}; there are {', '.join(it.name for it in shipped())}"
            raise ValueError(message)
        return profile

    @field_validator("account")
    @classmethod
    def _is_an_id(cls, account: str) -> str:
        if not _ACCOUNT.match(account.replace(OWN_ID, "x")):
            message = f"{account!r} is not an account id (visible ASCII without '/'; {OWN_ID} stands for the own id)"
            raise ValueError(message)
        return account


class _Debts(_Strict):
    days: Annotated[int, Field(ge=0, le=DEBT_DAYS_MAX)] | None = None
    amounts: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")], Annotated[int, Field(ge=0)]] = {}


class _Entry(_Strict):
    id: Annotated[str, StringConstraints(pattern=r"^(?:[a-z0-9-]{1,32}|[a-z0-9-]{1,31}\*)$")]
    zone: str
    day_cut: Annotated[str, StringConstraints(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")]
    sources: Annotated[list[Annotated[str, StringConstraints(pattern=r"^[!-)+-~]+\*?$")]], Field(min_length=1)]
    channel_accounts: Annotated[list[_Account], Field(min_length=1)]
    holidays: Annotated[list[date], Field(max_length=DAYS_MAX)] = []
    workdays: Annotated[list[date], Field(max_length=DAYS_MAX)] = []
    debts: _Debts = _Debts()

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            message = f"{zone!r} is not an IANA time zone"
            raise ValueError(message) from error
        return zone

    @field_validator("workdays")
    @classmethod
    def _is_a_weekend(cls, days: list[date]) -> list[date]:
        for day in days:
            if day.weekday() < SATURDAY:
                message = f"{day} is no Saturday or Sunday: it is worked anyway"
                raise ValueError(message)
        return days

    @model_validator(mode="after")
    def _days_agree(self) -> Self:
        if both := set(self.holidays) & set(self.workdays):
            message = f"{min(both)} is both a holiday and worked"
            raise ValueError(message)
        return self

    def named(self, marketplace: str) -> Marketplace:
        accounts = (ChannelAccount(it.profile, it.account.replace(OWN_ID, marketplace)) for it in self.channel_accounts)
        return Marketplace(
            id=marketplace,
            zone=ZoneInfo(self.zone),
            day_cut=time.fromisoformat(self.day_cut),
            sources=tuple(self.sources),
            channel_accounts=tuple(accounts),
            holidays=frozenset(self.holidays),
            workdays=frozenset(self.workdays),
            debts=DebtLimits(self.debts.days, self.debts.amounts),
        )


class _File(_Strict):
    marketplaces: Annotated[list[_Entry], Field(min_length=1)]


class Marketplaces:
    """Every marketplace this cluster serves."""

    def __init__(self, entries: Sequence[_Entry]) -> None:
        """Prefer the exact id, then the longest prefix."""
        self._exact = {entry.id: entry for entry in entries if not entry.id.endswith("*")}
        self._prefixes = sorted(
            (entry for entry in entries if entry.id.endswith("*")), key=lambda entry: len(entry.id), reverse=True
        )
        self._found: dict[str, Marketplace | None] = {}
        self._owners: dict[tuple[str, str], set[str]] = {}
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        for entry in entries:
            for it in entry.channel_accounts:
                if entry.id.endswith("*"):
                    self._patterns.append((it.profile, _reading(it.account)))
                else:
                    account = it.account.replace(OWN_ID, entry.id)
                    self._owners.setdefault((it.profile, account), set()).add(entry.id)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what the file says.

        Raises:
            MarketplacesError: the file cannot be read, is not YAML, or breaks a rule; the message says where.

        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            entries = _File.model_validate(content).marketplaces
        except OSError as error:
            message = f"{path}: cannot be read: {error.strerror or error}"
            raise MarketplacesError(message) from error
        except ValidationError as error:
            message = "\n".join(f"{path}: {mistake}" for mistake in _mistakes(error))
            raise MarketplacesError(message) from error
        except (yaml.YAMLError, ValueError) as error:  # the second for text that is none, and for days that are none
            message = f"{path}: is not YAML: {error}"
            raise MarketplacesError(message) from error
        _refuse_ambiguous(path, entries)
        return cls(entries)

    def find(self, marketplace: str) -> Marketplace | None:
        """Return the marketplace of that id, or None where the file knows none."""
        if marketplace in self._found:
            return self._found[marketplace]
        found = self._look_up(marketplace) if _MARKETPLACE.match(marketplace) else None
        if len(self._found) >= FOUND_MAX:
            self._found.clear()
        self._found[marketplace] = found
        return found

    def owner_of(self, profile: str, account: str) -> Marketplace | None:
        """Return the marketplace whose account that is; None where it is nobody's, or could be of more than one."""
        read = [pattern.fullmatch(account) for of, pattern in self._patterns if of == profile]
        named = {it["marketplace"] for it in read if it is not None}
        owners = self._owners.get((profile, account), set()) | named
        found = [it for it in map(self.find, owners) if it is not None and it.owns(profile, account)]
        return found[0] if len(found) == 1 else None

    def _look_up(self, marketplace: str) -> Marketplace | None:
        prefixed = (it for it in self._prefixes if matches(it.id, marketplace))
        entry = self._exact.get(marketplace) or next(prefixed, None)
        return entry.named(marketplace) if entry else None


def _reading(account: str) -> re.Pattern[str]:
    """Return what reads the own id out of an account's name."""
    first, *rest = map(re.escape, account.split(OWN_ID))
    return re.compile("(?P<marketplace>[a-z0-9-]{1,32})".join([first, "(?P=marketplace)".join(rest)]))


def _mistakes(error: ValidationError) -> Iterable[str]:
    for mistake in error.errors():
        place = ".".join(str(part) for part in mistake["loc"]) or "the whole file"
        yield f"{place}: {mistake['msg']} (found {mistake['input']!r})"


def _refuse_ambiguous(path: Path, entries: Sequence[_Entry]) -> None:
    seen: set[str] = set()
    owners: dict[tuple[str, str], str] = {}
    for entry in entries:
        if entry.id in seen:
            message = f"{path}: marketplace {entry.id!r} stands there twice"
            raise MarketplacesError(message)
        seen.add(entry.id)
        if entry.id.endswith("*"):
            shared = [it.account for it in entry.channel_accounts if OWN_ID not in it.account]
            if shared:
                message = f"{path}: {entry.id!r} would share account {shared[0]!r} among marketplaces; use {OWN_ID}"
                raise MarketplacesError(message)
            continue
        for owned in entry.named(entry.id).channel_accounts:
            other = owners.setdefault((owned.profile, owned.account), entry.id)
            if other != entry.id:
                message = f"{path}: account {owned.account!r} belongs to both {other!r} and {entry.id!r}"
                raise MarketplacesError(message)
