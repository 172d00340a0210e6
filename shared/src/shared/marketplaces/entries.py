"""How the marketplaces file is written, and what of it is refused with the place of the mistake."""

import re
from datetime import date, time
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from shared.ids import EXTERNAL_ID_PATTERN
from shared.marketplaces.marketplace import ChannelAccount, DebtLimits, Marketplace, Waiver
from shared.profiles import shipped

DAYS_MAX: Final = 2_000
"""Holidays and working weekends that a marketplace may name."""

DEBT_DAYS_MAX: Final = 3_650
SATURDAY: Final = 5
OWN_ID: Final = "{marketplace}"
_ACCOUNT: Final = re.compile(EXTERNAL_ID_PATTERN)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Account(_Strict):
    profile: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
    account: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    own: bool = False

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


class _Waiver(_Strict):
    profile: str
    by: Annotated[str, StringConstraints(pattern=r"^\S.{0,127}$")]
    at: date
    reason: Annotated[str, StringConstraints(pattern=r"^\S.{0,499}$")]

    @field_validator("profile")
    @classmethod
    def _needs_one(cls, name: str) -> str:
        profile = shipped().find(name)
        if profile is None or not profile.compliance.waiver_needed:
            message = f"{name!r} needs no waiver"
            raise ValueError(message)
        return name


class _Debts(_Strict):
    days: Annotated[int, Field(ge=0, le=DEBT_DAYS_MAX)] | None = None
    amounts: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")], Annotated[int, Field(ge=0)]] = {}


class Entry(_Strict):
    """What the file says of one marketplace, or of all whose id begins alike."""

    id: Annotated[str, StringConstraints(pattern=r"^(?:[a-z0-9-]{1,32}|[a-z0-9-]{1,31}\*)$")]
    zone: str
    day_cut: Annotated[str, StringConstraints(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")]
    sources: Annotated[list[Annotated[str, StringConstraints(pattern=r"^[!-)+-~]+\*?$")]], Field(min_length=1)]
    channel_accounts: Annotated[list[_Account], Field(min_length=1)]
    holidays: Annotated[list[date], Field(max_length=DAYS_MAX)] = []
    workdays: Annotated[list[date], Field(max_length=DAYS_MAX)] = []
    debts: _Debts = _Debts()
    waivers: list[_Waiver] = []

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

    @model_validator(mode="after")
    def _waived(self) -> Self:
        for it in self.channel_accounts:
            profile = shipped().find(it.profile)
            if (
                profile
                and profile.compliance.waiver_needed
                and all(it.profile != other.profile for other in self.waivers)
            ):
                message = f"profile {it.profile} needs a waiver (who, when, why): {profile.compliance.note.strip()}"
                raise ValueError(message)
        return self

    def named(self, marketplace: str) -> Marketplace:
        """Return the marketplace of this id."""
        accounts = (
            ChannelAccount(it.profile, it.account.replace(OWN_ID, marketplace), it.own) for it in self.channel_accounts
        )
        return Marketplace(
            id=marketplace,
            zone=ZoneInfo(self.zone),
            day_cut=time.fromisoformat(self.day_cut),
            sources=tuple(self.sources),
            channel_accounts=tuple(accounts),
            holidays=frozenset(self.holidays),
            workdays=frozenset(self.workdays),
            debts=DebtLimits(self.debts.days, self.debts.amounts),
            waivers=tuple(Waiver(it.profile, it.by, it.at, it.reason) for it in self.waivers),
        )


class File(_Strict):
    """The whole file."""

    marketplaces: Annotated[list[Entry], Field(min_length=1)]
