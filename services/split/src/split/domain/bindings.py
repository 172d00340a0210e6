"""Binding a receiver, so that a merchant's payments may be split to it: who may be, how many, and by whose consent."""

from datetime import datetime
from typing import Literal, Self

import msgspec

from shared.profiles import Profile
from shared.profiles.profile import ReceiverKind
from split.domain.limits import key_of
from split.domain.refusals import Refused
from split.domain.shares import RECEIVERS

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

State = Literal["bound", "unbound"]


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

    @property
    def wait(self) -> str:
        """The name by which orders wait for it, within their marketplace."""
        return RECEIVERS + self.merchant

    @classmethod
    def of(cls, key: str) -> Self:
        """Return the place in a key."""
        return cls(*key.split("/"))


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """That the receiver agreed to be bound (授权): who gave it, when, and where it can be seen."""

    actor: str
    at: datetime
    reference: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about a receiver. `name_hash` is made of its real name; the name itself is never kept."""

    kind: ReceiverKind
    relation: Relation
    relation_name: str = ""
    name_hash: str = ""
    consent: Consent


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver as it is bound, or was."""

    place: Place
    state: State
    terms: Terms


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One binding, or without terms an unbinding, for ever. `change_id` is made of the caller's idempotency key."""

    change_id: str
    place: Place
    terms: Terms | None
    actor: str
    reason: str
    at: datetime

    @property
    def state(self) -> State:
        """What it makes of the receiver."""
        return "bound" if self.terms else "unbound"

    def same(self, other: "Change") -> bool:
        """Tell whether two changes are one, asked for twice."""
        return msgspec.structs.replace(self, at=other.at) == other


def counted(change: Change, known: Binding | None, count: int, profile: Profile) -> int | Refused:
    """Return how many receivers the merchant has bound after a change, or why it cannot be made.

    A rebind takes the new terms and counts none. Of one that is unbound, what was split to it can still be taken back.
    """
    if change.terms is None:
        if known is None:
            return Refused("receiver_unknown", "it was never bound")
        return count - (known.state == "bound")
    if refused := _mistake(change.place, change.terms, profile, change.at):
        return refused
    if known is not None and known.state == "bound":
        return count
    most = profile.receivers_bound_max
    if most is not None and count >= most:
        return Refused("too_many_bound", f"a merchant may have {most} receivers bound at {profile.name}")
    return count + 1


def _mistake(place: Place, terms: Terms, profile: Profile, now: datetime) -> Refused | None:
    if not profile.receivers_bound_first:
        return Refused("binding_not_needed", f"{profile.name} pays receivers that are not bound")
    if place.receiver == f"merchant:{place.merchant}":
        return Refused("receiver_is_the_merchant", "what is not split off stays with the merchant")
    if (terms.relation == "custom") != bool(terms.relation_name):
        return Refused("relation_unnamed", "a custom relation has a name, and no other has one")
    if terms.consent.at > now:
        return Refused("consent_in_future", "the receiver consents before it is bound")
    return None
