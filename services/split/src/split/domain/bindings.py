"""Binding a receiver, so that a merchant's payments may be split to it: who may be, how many, and by whose consent."""

from datetime import datetime
from typing import Literal, Self

import msgspec

from shared.profiles import Profile
from shared.profiles.profile import ReceiverKind
from split.domain.limits import key_of

Relation = Literal[
    "service_provider",
    "store",
    "staff",
    "store_owner",
    "partner",
    "headquarter",
    "brand",
    "distributor",
    "user",
    "supplier",
    "custom",
]
"""What a receiver is to the merchant, as WeChat has it; `custom` says it in words (domain-anchors 2b)."""

Refusal = Literal[
    "binding_not_needed",
    "receiver_is_the_merchant",
    "relation_unnamed",
    "consent_in_future",
    "too_many_bound",
    "receiver_not_bound",
]


class Place(msgspec.Struct, frozen=True):
    """Whose receiver it is, at which account, and who: `merchant:<id>` or an account of the platform."""

    marketplace: str
    merchant: str
    profile: str
    account: str
    receiver: str

    @property
    def key(self) -> str:
        """Its `_id`. No part of it has a slash."""
        return key_of(self.marketplace, self.merchant, self.profile, self.account, self.receiver)

    @property
    def account_key(self) -> str:
        """The merchant at this account, by which its receivers are counted."""
        return f"{self.marketplace}/{self.merchant}/{self.profile}/{self.account}"

    @classmethod
    def of(cls, key: str) -> Self:
        """Return the place in a key."""
        return cls(*key.split("/"))


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """That the receiver agreed to be bound (授权): who recorded it, when it was given, and where it can be seen."""

    actor: str
    at: datetime
    reference: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a receiver. `name_hash` is made from its real name; the name itself is never kept."""

    kind: ReceiverKind
    relation: Relation
    relation_name: str = ""
    name_hash: str = ""
    consent: Consent


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver as it is bound, or was. `changed_by` and `reason` are the last change's."""

    place: Place
    state: Literal["bound", "unbound"]
    terms: Terms
    changed_at: datetime
    changed_by: str
    reason: str = ""


class Decided(msgspec.Struct, frozen=True):
    """A binding afterwards, and how many of its merchant are bound then. Not changed: it is as it was before."""

    binding: Binding
    bound: int
    changed: bool


def bind(
    place: Place, terms: Terms, known: Binding | None, bound: int, profile: Profile, now: datetime
) -> Decided | Refusal:
    """Bind a receiver. The same terms again change nothing; other ones replace them (a rebind is idempotent)."""
    if refused := _mistake(place, terms, profile, now):
        return refused
    if known is not None and known.state == "bound":
        if known.terms == terms:
            return Decided(known, bound, changed=False)
    elif profile.receivers_bound_max is not None and bound >= profile.receivers_bound_max:
        return "too_many_bound"
    else:
        bound += 1
    actor = terms.consent.actor
    return Decided(
        Binding(place=place, state="bound", terms=terms, changed_at=now, changed_by=actor), bound, changed=True
    )


def _mistake(place: Place, terms: Terms, profile: Profile, now: datetime) -> Refusal | None:
    if not profile.receivers_bound_first:
        return "binding_not_needed"
    if place.receiver == f"merchant:{place.merchant}":
        return "receiver_is_the_merchant"
    if (terms.relation == "custom") != bool(terms.relation_name):
        return "relation_unnamed"
    return "consent_in_future" if terms.consent.at > now else None


def unbind(known: Binding | None, bound: int, actor: str, reason: str, now: datetime) -> Decided | Refusal:
    """Unbind a receiver; again changes nothing. What was split to it can still be taken back (domain-anchors 2b)."""
    if known is None:
        return "receiver_not_bound"
    if known.state == "unbound":
        return Decided(known, bound, changed=False)
    after = msgspec.structs.replace(known, state="unbound", changed_at=now, changed_by=actor, reason=reason)
    return Decided(after, bound - 1, changed=True)
