"""A merchant's whole state and how it changes: one decision for creating, changing and agreeing, alone or in bulk."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from merchant.domain.agreements import Rules, Terms, Version, agree, stated_before, that_matter, time_line
from merchant.domain.channels import over_the_platform
from merchant.domain.decisions import Refused
from shared.messages import Agreement, MerchantChanged, encode

Kind = Literal["pop", "distributor", "self_operated", "logistics"]

RESERVED: Final = ("platform:", "merchant:")
"""How receivers that are no merchant begin; a merchant of such a name could read the platform's statement."""

STATE_BYTES_MAX: Final = 900_000
"""Of merchant-changed with every version: it must fit in one Kafka record (1 MiB) with its headers."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a merchant beside its agreements. `blocked` None leaves the reasons as they are."""

    name: str
    kind: Kind
    blocked: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Merchant:
    """A merchant; `version` rises with each change."""

    marketplace: str
    merchant: str
    version: int
    name: str
    kind: Kind
    blocked: tuple[str, ...] = ()
    agreements: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A wish: facts create or change the merchant, terms add a version of its agreement; either may be missing."""

    merchant: str
    facts: Facts | None = None
    terms: Terms | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What the merchant is now, what it was before (None: it was not), and the agreement that the draft is about."""

    before: Merchant | None
    merchant: Merchant
    agreement: Version | None

    @property
    def changed(self) -> bool:
        """Whether there is anything to record; a repeated draft changes nothing."""
        return self.before != self.merchant


def decide(marketplace: str, known: Merchant | None, draft: Draft, rules: Rules) -> Decided | Refused:
    """Return what the draft makes of the merchant, or why it is refused."""
    if draft.merchant.startswith(RESERVED):
        return Refused("merchant_reserved", f"a merchant id may not begin with {' or '.join(RESERVED)}")
    described = _described(marketplace, known, draft)
    if described is None:
        return Refused("merchant_unknown", f"there is no merchant {draft.merchant}; create it first")
    agreed = _agreed(described, draft, rules)
    if isinstance(agreed, Refused):
        return agreed
    if agreed is not None and agreed not in described.agreements:
        described = replace(described, agreements=(*described.agreements, agreed))
    if described == known:
        return Decided(known, known, agreed)
    now = replace(described, version=known.version + 1 if known else 1)
    size = len(encode(_state(now, time_line(now.agreements))))
    if size > STATE_BYTES_MAX:
        return Refused("merchant_too_large", f"{size} bytes with all its agreements; at most {STATE_BYTES_MAX}")
    return Decided(known, now, agreed)


def changed_event(merchant: Merchant, rules: Rules) -> MerchantChanged:
    """Return the merchant's whole state for the other services, without agreements that no longer matter."""
    return _state(merchant, that_matter(time_line(merchant.agreements), rules.now))


def _agreed(merchant: Merchant, draft: Draft, rules: Rules) -> Version | Refused | None:
    if draft.terms is None:
        return None
    profile = rules.known.find(draft.terms.channel_profile)
    if refused := over_the_platform(profile, merchant.kind, rules.waived, rules.own):
        return refused
    stated = stated_before(merchant.agreements, draft.terms, draft.key)
    return stated or agree(merchant.agreements, draft.terms, draft.key, rules)


def _described(marketplace: str, known: Merchant | None, draft: Draft) -> Merchant | None:
    facts = draft.facts
    if facts is None:
        return known
    if known is None:
        return Merchant(marketplace, draft.merchant, 0, facts.name, facts.kind, facts.blocked or ())
    blocked = known.blocked if facts.blocked is None else facts.blocked
    return replace(known, name=facts.name, kind=facts.kind, blocked=blocked)


def _state(merchant: Merchant, agreements: tuple[Agreement, ...]) -> MerchantChanged:
    return MerchantChanged(
        marketplace=merchant.marketplace,
        merchant=merchant.merchant,
        version=merchant.version,
        name=merchant.name,
        kind=merchant.kind,
        blocked=merchant.blocked,
        agreements=agreements,
    )
