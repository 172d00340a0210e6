"""What a profile says. No field has a default: a file states every one, so that nothing is allowed by being forgotten.

Rates are basis points (1/10,000) of the order amount, amounts minor units; `None` is "no limit" or "not there".
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from shared.profiles.behaviour import Behaviour, Count, Family, Piece, Seconds

Days = Annotated[int, msgspec.Meta(ge=1, le=3_650)]
ShareBp = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Reason = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_]{1,64}\Z")]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]

Collector = Literal["merchant", "pool", "platform"]
ReceiverKind = Literal["merchant", "person"]
When = Literal["at_once", "next_day", "next_month"]


class Cap(Piece, frozen=True, kw_only=True):
    """The most that all splits of an order may take of its amount together, in the merchant's agreement or here."""

    default_bp: ShareBp
    least_bp: ShareBp
    most_bp: ShareBp

    def __post_init__(self) -> None:
        """Keep the three in order."""
        if not self.least_bp <= self.default_bp <= self.most_bp:
            message = "least_bp <= default_bp <= most_bp is not so"
            raise ValueError(message)

    def of(self, agreed_bp: int | None) -> int:
        """Return the cap of a merchant: what is agreed, as far as the institution allows it."""
        return self.default_bp if agreed_bp is None else max(self.least_bp, min(agreed_bp, self.most_bp))


class Returns(Piece, frozen=True, kw_only=True):
    """Taking back from a receiver what its split brought (回退): until when, how often, and from whom at all."""

    days: Days | None
    per_payout_max: Count | None
    receiver_kinds: Annotated[tuple[ReceiverKind, ...], msgspec.Meta(min_length=1)]


class Refunds(Piece, frozen=True, kw_only=True):
    """Refunds to the buyer: how many parts of one order, and how long after the payment."""

    partial_max: Count | None
    days: Days | None


class Subsidies(Piece, frozen=True, kw_only=True):
    """Money of the platform's that is added to an order (补差). `amount_max_minor` is of one order, by currency."""

    before_split: bool
    per_order_max: Count | None
    amount_max_minor: Mapping[Currency, Count]


class Failures(Piece, frozen=True, kw_only=True):
    """Which reasons of a failed leg split retries by itself and when, and which are never tried again.

    What stands in neither goes to an operator (money.md 3.9).
    """

    retryable: Mapping[Reason, When]
    never: tuple[Reason, ...]

    def __post_init__(self) -> None:
        """Refuse a reason that is both."""
        if both := set(self.retryable) & set(self.never):
            message = f"{min(both)} is both retryable and never tried again"
            raise ValueError(message)


class Profile(Behaviour, frozen=True, kw_only=True):
    """The limits and the behaviour of one product of an institution: what split and payments obey.

    `collector`: into whose account the buyer pays. With `merchant` the collecting merchant's own share is no leg: it
    comes by `finish`. `combined_payment`: an order of several sellers needs one payment for each (合单).
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}\Z")]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    collector: Collector
    combined_payment: bool

    receivers_per_request_max: Count | None
    receiver_once_per_request: bool
    requests_per_order_max: Count | None
    partial_success: bool
    """Whether some legs of a request may fail while others succeed; if not, it is all or nothing."""
    cap: Cap | None
    split_after_payment_s: Seconds
    """How long after the payment the first split may be asked for."""

    freeze_days: Days | None
    """How long the money is frozen for splits; then the rest unfreezes to the collector by itself."""
    finish: bool
    """Whether the collector gets the rest by an instruction of its own."""
    split_after_release: bool
    """Whether a split is still possible once the rest has been released."""

    receivers_bound_first: bool
    receivers_bound_max: Count | None
    """How many receivers one merchant may have bound."""

    returns: Returns | None
    refunds: Refunds
    subsidies: Subsidies | None
    available_balance_movable: bool
    """Whether a refund's funding plan may use what a receiver has available (money.md 5)."""
    may_go_negative: bool
    """Whether the institution lets a receiver's balance fall below zero."""
    failures: Failures

    def __post_init__(self) -> None:
        """Refuse what contradicts itself. How requests of a pool are cut is its adapter's matter."""
        if self.receivers_bound_first and self.receivers_bound_max is None:
            message = "receivers_bound_max: no number"
            raise ValueError(message)
        for name, nothing in NOT_OF_A_POOL.items():
            if self.collector != "merchant" and getattr(self, name) != nothing:
                message = f"{name}: only where the merchant collects"
                raise ValueError(message)
        if wrong := self.contradiction(
            finish=self.finish, returns=self.returns is not None, subsidies=self.subsidies is not None
        ):
            raise ValueError(wrong)
        if FAMILIES[self.family] != self.collector:
            message = f"family: {self.family} is where the {FAMILIES[self.family]} collects"
            raise ValueError(message)

    @property
    def unlimited(self) -> bool:
        """Whether nothing in it could keep an order from being split as its agreements say."""
        return self.collector != "merchant" and self.subsidies is not None and not self.subsidies.amount_max_minor


FAMILIES: Final[dict[Family, Collector]] = {
    "profit_sharing": "merchant",
    "custody": "pool",
    "platform_balance": "platform",
    "direct": "pool",
}
"""Who collects under the profiles of a family."""
NOT_OF_A_POOL: Final = {
    "combined_payment": False,
    "receivers_per_request_max": None,
    "receiver_once_per_request": False,
    "requests_per_order_max": None,
    "cap": None,
    "split_after_payment_s": 0,
    "freeze_days": None,
    "finish": False,
    "receivers_bound_first": False,
}
"""What limits the splits of a payment that a merchant collects, and what a profile says that has no such payment."""
