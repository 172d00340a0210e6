"""What a request's instructions are about, loaded before they are carried out. No rule about them lives here."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sandbox.domain.books import Part
from sandbox.domain.payments import Payment
from shared.profiles import Profile, shipped

type Uses = Counter[tuple[str, str]]
"""What was taken of something, by kind and what it is of: of payouts by returns, of payments by refunds."""


class Frozen(Part, frozen=True, kw_only=True, gc=False):
    """A payment in the account of the merchant that collects it. `left_minor` is what is still frozen of it.

    `split_minor` and `requests`: what was ever split off, and in how many requests; what comes back is not taken off.
    `until`: when the rest is released by itself; None once it is, or where nothing is frozen for splits.
    """

    payment_id: str
    merchant: str | None
    currency: str
    split: bool
    amount_minor: int
    left_minor: int
    split_minor: int = 0
    requests: int = 0
    released: bool = False
    paid_at: datetime
    until: datetime | None


@dataclass(frozen=True)
class About:
    """Payments, what was taken of payments and payouts before and how often, who may receive, and how much at most.

    `bound`: the kind of each receiver, by collecting merchant (empty: of all) and name. `caps` are agreed with
    merchants, in basis points of a payment.
    """

    payments: Mapping[str, Payment] = field(default_factory=dict)
    used: Uses = field(default_factory=Counter)
    counted: Uses = field(default_factory=Counter)
    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    bound: Mapping[tuple[str, str], str] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)


NOTHING: Final = About()
DIRECT: Final = "sandbox-direct"


def profile_of(name: str) -> Profile:
    """Return a profile that is known to be there."""
    profile = shipped().find(name)
    if profile is None:
        message = f"{name} is no profile"
        raise LookupError(message)
    return profile
