"""What the institution's profile lets an order's split do, asked before anything is booked (money.md 2).

A refusal is a reason of a closed set, for which the merchant's pot is held. A whole pot is judged at once, so that what
is released of it line by line takes no more than the cap in sum.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from shared.messages import MerchantChanged, SplitRequested
from shared.money import basis_points_of
from shared.profiles import Profile, Profiles
from split.domain.earnings import Earning
from split.domain.pots import MERCHANT, Facts, Pot
from split.domain.receivers import FREIGHT, Divided, Trees
from split.domain.shares import COMMISSION, FEE, TAX

Refusal = Literal[
    "profile_unknown",
    "collector_ambiguous",
    "subsidy_not_allowed",
    "subsidy_too_large",
    "receiver_twice",
    "receiver_not_bound",
    "too_many_receivers",
    "too_many_requests",
    "cap_exceeded",
]


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One leg to somebody else than the collector, in minor units."""

    receiver: str
    amount_minor: int


class Before(msgspec.Struct, frozen=True, gc=False):
    """What was split of the payment before, and in how many requests."""

    amount_minor: int = 0
    requests: int = 0


NOTHING: Final = Before()


def refusal(
    profile: Profile,
    payment_minor: int,
    legs: Sequence[Asked],
    bound: Collection[str] | None = None,
    agreed_cap_bp: int | None = None,
    before: Before = NOTHING,
) -> Refusal | None:
    """Return why these legs may not be split off a payment, or None.

    `bound` are the receivers that the collector has bound, where that is asked for at all. The cap is of the payment
    and counts all its splits together.
    """
    receivers = [leg.receiver for leg in legs]
    if profile.receiver_once_per_request and len(set(receivers)) < len(receivers):
        return "receiver_twice"
    if profile.receivers_bound_first and not set(receivers) <= set(bound or ()):
        return "receiver_not_bound"
    most = profile.receivers_per_request_max
    wanted = -(-len(legs) // most) if most else 1
    if wanted > 1 and not profile.partial_success:
        return "too_many_receivers"  # all or nothing holds within one request only
    if profile.requests_per_order_max and before.requests + wanted > profile.requests_per_order_max:
        return "too_many_requests"
    if profile.cap is not None:
        cap_minor = basis_points_of(payment_minor, profile.cap.of(agreed_cap_bp))
        if before.amount_minor + sum(leg.amount_minor for leg in legs) > cap_minor:
            return "cap_exceeded"
    return None


def requests[T](profile: Profile, legs: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut legs into requests that the profile takes, in order; all of them in one where it sets no number."""
    size = profile.receivers_per_request_max or len(legs)
    for start in range(0, len(legs), max(1, size)):
        yield legs[start : start + size]


def due_at(profile: Profile, paid_at: datetime) -> datetime:
    """Return when the first split of a payment may be asked for."""
    return paid_at + timedelta(seconds=profile.split_after_payment_s)


class Registry(msgspec.Struct, frozen=True):
    """The profiles, and which of the receivers that these orders may name are bound: `key_of` each."""

    profiles: Profiles
    bound: frozenset[str] = frozenset()


def key_of(marketplace: str, merchant: str, profile: str, account: str, receiver: str) -> str:
    """Return what a bound receiver is known by: whose it is, at which account, and who it is (`merchant:<id>`, …)."""
    return f"{marketplace}/{merchant}/{profile}/{account}/{receiver}"


def keys_of(order: SplitRequested) -> Iterator[str]:
    """Give the keys of all receivers that may be paid out of an order beside its sellers."""
    place = order.payments[0]
    receivers = [COMMISSION, TAX, FEE, *(MERCHANT + it.receiver for it in order.receivers)]
    for merchant in {line.merchant for line in order.lines}:
        for receiver in receivers:
            yield key_of(order.marketplace, merchant, place.channel_profile, place.channel_account, receiver)


class Limits:
    """The limits of one order's profile. Made only where it has any."""

    def __init__(self, profile: Profile | None, order: SplitRequested, facts: Facts, registry: Registry) -> None:
        self._profile = profile
        self._order = order
        self._facts = facts
        self._bound = registry.bound
        self._payments = _payments(order, facts)
        self._mistake = self._of_order()
        self._requests = 0

    @property
    def size(self) -> int | None:
        """The most legs of one request; None where there is no such number."""
        return self._profile.receivers_per_request_max if self._profile else None

    def made(self, requests: int) -> None:
        """Note in how many requests the order was split so far."""
        self._requests = requests

    @property
    def due_at(self) -> datetime:
        """When the order may be split at the earliest."""
        return due_at(self._profile, self._order.paid_at) if self._profile else self._order.paid_at

    def refusal(
        self,
        pot: Pot,
        earned: Earning,
        divided: Divided,
        copy: MerchantChanged | None,
        trees: Trees,
        *,
        partly: bool = False,
    ) -> Refusal | None:
        """Return why a pot may not be split as an agreement says, or None.

        `partly`: some of its lines are not ready. The last request that the channel takes waits for all of them.
        """
        profile = self._profile
        if self._mistake or profile is None or self._payments is None or profile.collector != "merchant":
            return self._mistake
        if len(self._facts.pots) > 1 and earned.chain and pot.freight_minor:
            return "collector_ambiguous"  # the chain is paid once an order, not once a payment
        if earned.short_minor and profile.subsidies is None:
            return "subsidy_not_allowed"  # the fee is more than the platform's commission, which bears it
        legs = [it for it in self._legs(pot, earned, divided, trees) if it.amount_minor]
        bound = {it.receiver for it in legs if self._key(pot.merchant, it.receiver) in self._bound}
        before = Before(requests=self._requests + partly)
        return refusal(profile, self._payments.get(pot.merchant, 0), legs, bound, _cap_bp(copy), before)

    def _of_order(self) -> Refusal | None:
        """Return what is wrong with the whole order."""
        profile, order = self._profile, self._order
        if profile is None:
            return "profile_unknown"
        several = len(self._facts.pots) > 1
        if profile.collector == "merchant" and (self._payments is None or (several and not profile.combined_payment)):
            return "collector_ambiguous"
        added = self._facts.subsidy_minor + sum(pot.short_minor for pot in self._facts.pots)
        if added and profile.subsidies is None:
            return "subsidy_not_allowed"
        if profile.subsidies is not None:
            most = profile.subsidies.amount_max_minor.get(order.currency)
            if most is not None and added > most:
                return "subsidy_too_large"
        return None

    def _legs(self, pot: Pot, earned: Earning, divided: Divided, trees: Trees) -> Iterator[Asked]:
        """Give what others than the collector get out of a pot, and of the order where the pot is all of it."""
        yield Asked(COMMISSION, earned.kept_minor)
        yield Asked(TAX, earned.tax_minor)
        yield from _asked(divided)
        if len(self._facts.pots) > 1:
            return
        yield Asked(FEE, self._facts.surcharge_minor)
        if earned.chain and pot.freight_minor:
            freight = trees.divide(FREIGHT, pot.freight_minor)
            yield from _asked(freight) if isinstance(freight, Divided) else ()

    def _key(self, merchant: str, receiver: str) -> str:
        place = self._order.payments[0]
        return key_of(self._order.marketplace, merchant, place.channel_profile, place.channel_account, receiver)


def limits_of(order: SplitRequested, facts: Facts, registry: Registry) -> Limits | None:
    """Return the limits of an order, None where its profile sets none that split has to look at."""
    profile = registry.profiles.find(order.payments[0].channel_profile)
    return None if profile is not None and profile.unlimited else Limits(profile, order, facts, registry)


def _asked(divided: Divided) -> Iterable[Asked]:
    return (Asked(MERCHANT + it.receiver, it.taken_minor - it.passed_on_minor) for it in divided.portions)


def _cap_bp(copy: MerchantChanged | None) -> int | None:
    """Return the cap that the institution has granted a merchant, which its newest agreement says.

    It is no price but what is allowed today, so that a pot held for its cap goes once the cap is raised.
    """
    newest = max(copy.agreements, key=lambda it: it.version, default=None) if copy else None
    return None if newest is None or newest.split_cap_bp is msgspec.UNSET else newest.split_cap_bp


def _payments(order: SplitRequested, facts: Facts) -> dict[str, int] | None:
    """Return each seller's payment, in minor units; None where it cannot be said which payment is whose (合单)."""
    paid = [it for it in order.payments if it.amount_minor]
    if len(facts.pots) == 1:
        return {facts.pots[0].merchant: sum(it.amount_minor for it in paid)} if len(paid) <= 1 else None
    found = {it.merchant: it.amount_minor for it in paid if isinstance(it.merchant, str)}
    return found if found == _brought(order, facts) else None


def _brought(order: SplitRequested, facts: Facts) -> dict[str, int] | None:
    """Return what the buyer has paid for each seller's goods and freight; None where some of it is for nobody's."""
    found = {pot.merchant: pot.goods_minor + pot.freight_minor for pot in facts.pots}
    seller_of = {line.line_id: line.merchant for line in order.lines}
    for adjustment in order.adjustments:
        if adjustment.party.startswith(MERCHANT) and adjustment.kind != "subsidy":
            continue  # its pot has it
        seller = seller_of.get(adjustment.line_id or "")
        if seller is None:
            return None
        found[seller] += adjustment.amount_minor
    return {merchant: amount for merchant, amount in found.items() if amount}
