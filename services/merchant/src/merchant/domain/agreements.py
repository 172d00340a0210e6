"""Versions of an agreement on one time line: what may be stated, from when, and which is in force (decision 0010).

A version is never edited. It holds from its effective_from until the next version's, or until its own stated end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec

from merchant.domain.channels import beyond_profile, days
from merchant.domain.decisions import Refused
from shared import tariffs
from shared.messages import Agreement, CategoryRate, CommissionLimit, PayoutTerms, Rule, Volume
from shared.money import CURRENCY_DECIMALS
from shared.profiles import Profiles, shipped

VERSIONS_MAX: Final = 1_000
"""As many as merchant-changed may carry."""

MATTERS_DAYS: Final = 400
"""A version is published until it has been over for so long: no order paid under it can still be split by then."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What platform and merchant agree: an agreement before it has a number. Rates are basis points."""

    effective_from: datetime
    effective_to: datetime | None = None
    channel_profile: str
    direction: Literal["pay", "collect"] = "pay"
    price_mode: Literal["commission", "settlement_price"] = "commission"
    commission_bp: int = 0
    category_rates: tuple[CategoryRate, ...] = ()
    commission_limits: tuple[CommissionLimit, ...] = ()
    fee_bearer: Literal["platform", "merchant", "pro_rata"] = "platform"
    freight_to: Literal["merchant", "chain"] = "merchant"
    trigger: Literal["paid", "shipped", "delivered", "completed"] = "paid"
    trigger_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0
    cycle: Literal["real_time", "day", "week", "month"] = "real_time"
    refund_bearer: Literal["original_payee", "proportional", "platform"] = "original_payee"
    refund_commission: Literal["returned", "kept"] = "returned"
    refund_surcharge: Literal["returned", "kept"] = "returned"
    trigger_working_days: bool | msgspec.UnsetType = msgspec.UNSET
    rules: tuple[Rule, ...] | msgspec.UnsetType = msgspec.UNSET
    rate_source: Literal["agreement", "marketplace"] | msgspec.UnsetType = msgspec.UNSET
    volumes: tuple[Volume, ...] | msgspec.UnsetType = msgspec.UNSET
    tax_bp: int | msgspec.UnsetType = msgspec.UNSET
    split_cap_bp: int | msgspec.UnsetType = msgspec.UNSET
    payouts: PayoutTerms | msgspec.UnsetType = msgspec.UNSET
    freeze_policy: Literal["split_now", "let_go"] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Hold times to the millisecond, which is what the store keeps: terms read back equal the terms stated."""
        for name in ("effective_from", "effective_to"):
            moment = getattr(self, name)
            if moment is not None:
                msgspec.structs.force_setattr(self, name, to_the_millisecond(moment))
        if self.volumes:
            held = tuple(
                msgspec.structs.replace(it, period_end=to_the_millisecond(it.period_end)) for it in self.volumes
            )
            msgspec.structs.force_setattr(self, "volumes", held)


@dataclass(frozen=True, slots=True)
class Version:
    """One statement of terms. `key` is the caller's idempotency key, where there was one."""

    number: int
    announced_at: datetime
    terms: Terms
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides beside the time line.

    `lead` is how long before its effect a change must be announced; `profiles`, where the marketplace has an account;
    `known`, what each profile allows. `waived`: profiles for which the marketplace has put a waiver on record; `own`:
    those under which all its accounts are the platform's own (decision 0028).
    """

    now: datetime
    lead: timedelta
    profiles: frozenset[str]
    known: Profiles = field(default_factory=shipped)
    waived: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


def to_the_millisecond(moment: datetime) -> datetime:
    """Return a time without what is finer than a millisecond, rounded down."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def stated_before(versions: Sequence[Version], terms: Terms, key: str | None) -> Version | Refused | None:
    """Return the version that already says this, or why the request contradicts it; None: it says something new."""
    for version in versions:
        if key is not None and version.key == key:
            if version.terms == terms:
                return version
            return Refused("idempotency_key_reused", f"this key made version {version.number}, with other terms")
    for version in versions:
        if version.terms.effective_from == terms.effective_from:
            if version.terms == terms:
                return version
            detail = f"version {version.number} takes effect at that moment, with other terms"
            return Refused("effective_from_taken", detail)
    return None


def agree(versions: Sequence[Version], terms: Terms, key: str | None, rules: Rules) -> Version | Refused:
    """Return the new version, or why it may not be. The caller has asked `stated_before`."""
    if len(versions) >= VERSIONS_MAX:
        return Refused("too_many_agreements", f"a merchant has at most {VERSIONS_MAX} versions")
    announced_at = to_the_millisecond(rules.now)
    refused = _invalid(terms, rules) or _too_soon(versions, terms, announced_at, rules.lead)
    if refused:
        return refused
    number = max((version.number for version in versions), default=0) + 1
    return Version(number, announced_at, terms, key)


def time_line(versions: Sequence[Version]) -> tuple[Agreement, ...]:
    """Return the versions with the times at which each really holds, in order of effect; no two overlap."""
    ordered = sorted(versions, key=lambda version: version.terms.effective_from)
    ends = [*(version.terms.effective_from for version in ordered), None][1:]
    return tuple(
        Agreement(
            version=version.number,
            announced_at=version.announced_at,
            **_fields(version.terms) | {"effective_to": _earlier(version.terms.effective_to, end)},
        )
        for version, end in zip(ordered, ends, strict=True)
    )


def that_matter(agreements: Sequence[Agreement], now: datetime) -> tuple[Agreement, ...]:
    """Return those that are not over since more than 400 days."""
    since = now - timedelta(days=MATTERS_DAYS)
    return tuple(it for it in agreements if it.effective_to is None or it.effective_to > since)


def _too_soon(versions: Sequence[Version], terms: Terms, announced_at: datetime, lead: timedelta) -> Refused | None:
    """Tell whether orders might already be split under the version that this one would replace (architecture.md)."""
    earliest = announced_at + lead
    if terms.effective_from >= earliest:
        return None
    for agreement in time_line(versions):
        ends = agreement.effective_to
        if agreement.effective_from <= terms.effective_from and (ends is None or terms.effective_from < ends):
            detail = (
                f"version {agreement.version} is in force then; a change may take effect from {earliest.isoformat()}"
            )
            return Refused("agreement_too_soon", detail)
    return None


def _invalid(terms: Terms, rules: Rules) -> Refused | None:
    profile = rules.known.find(terms.channel_profile)
    if terms.effective_to is not None and terms.effective_to <= terms.effective_from:
        return Refused("period_empty", "effective_to must be later than effective_from")
    if profile is None or profile.name not in rules.profiles:
        accounts = ", ".join(sorted(rules.profiles))
        detail = f"the marketplace has no account of {terms.channel_profile}; it has {accounts}"
        return Refused("channel_profile_unknown", detail)
    cap_bp = None if terms.split_cap_bp is msgspec.UNSET else terms.split_cap_bp
    wait_days = days(terms.trigger_days, working=terms.trigger_working_days is True)
    policy = None if terms.freeze_policy is msgspec.UNSET else terms.freeze_policy
    if refused := beyond_profile(profile, cap_bp, wait_days, policy):
        return refused
    categories = [rate.category for rate in terms.category_rates]
    if twice := _twice(categories):
        return Refused("category_twice", f"category {twice} has two rates")
    mistake = tariffs.bad_limits(terms.commission_limits) or tariffs.mistake(terms.rules or (), terms.category_rates)
    if mistake:
        return Refused(mistake.reason, mistake.detail)
    return _invalid_rates(terms) or _invalid_volumes(terms) or _invalid_payouts(terms)


def _invalid_rates(terms: Terms) -> Refused | None:
    """Tell whether rates are stated that nothing would ever use: whoever states them means them."""
    if terms.rate_source == "marketplace" and (terms.commission_bp or terms.category_rates or terms.commission_limits):
        detail = (
            "the marketplace's rules decide, so that commission_bp, category_rates and commission_limits say nothing"
        )
        return Refused("rates_unused", detail)
    if terms.price_mode == "settlement_price" and (terms.rules or terms.tax_bp or terms.rate_source == "marketplace"):
        detail = "under a settlement price the platform keeps the rest: rules and tax on commission say nothing"
        return Refused("rates_unused", detail)
    return None


def _invalid_volumes(terms: Terms) -> Refused | None:
    volumes = terms.volumes or ()
    if twice := _twice([it.currency for it in volumes]):
        return Refused("currency_twice", f"{twice} has two volumes")
    for it in volumes:
        if it.currency not in CURRENCY_DECIMALS:
            return Refused("currency_unknown", f"{it.currency} is not in ISO 4217")
        if it.period_end > terms.effective_from:
            detail = f"the period of the volume in {it.currency} ends {it.period_end.isoformat()}, after effective_from"
            return Refused("volume_not_closed", detail)
    return None


def _invalid_payouts(terms: Terms) -> Refused | None:
    if not terms.payouts:
        return None
    for what, limits in (("daily caps", terms.payouts.daily_caps), ("minimums", terms.payouts.minimums)):
        currencies = [it.currency for it in limits]
        if twice := _twice(currencies):
            return Refused("currency_twice", f"{twice} has two {what}")
        if unknown := next((it for it in currencies if it not in CURRENCY_DECIMALS), None):
            return Refused("currency_unknown", f"{unknown} is not in ISO 4217")
    return None


def _twice(names: Sequence[str]) -> str | None:
    return next((name for number, name in enumerate(names) if name in names[:number]), None)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _fields(terms: Terms) -> dict[str, Any]:
    return {name: getattr(terms, name) for name in terms.__struct_fields__}
