"""What merchant publishes: a merchant's whole state, with every agreement version that may still matter."""

from typing import Annotated, ClassVar, Literal

import msgspec

from shared.messages.contract import (
    BasisPoints,
    Currency,
    Event,
    ExternalId,
    Label,
    Part,
    Revision,
    Timestamp,
    normalise,
)
from shared.messages.rules import CommissionLimit, Rule, Volume


class CategoryRate(Part, frozen=True, kw_only=True, gc=False):
    """The commission of one category, which wins over the agreement's own rate."""

    category: Label
    commission_bp: BasisPoints


class PayoutLimit(Part, frozen=True, kw_only=True, gc=False):
    """A limit on what is paid out in one currency, in minor units."""

    currency: Currency
    amount_minor: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class PayoutTerms(Part, frozen=True, kw_only=True, gc=False):
    """What keeps money that is due from going out at once (money.md 3.8, 3.10).

    `daily_caps`: the most that is paid out on one business day. `minimums`: below it amounts accumulate. `reserve_bp`,
    basis points of what is due, goes `reserve_days` later.
    """

    daily_caps: Annotated[tuple[PayoutLimit, ...], msgspec.Meta(max_length=50)] = ()
    minimums: Annotated[tuple[PayoutLimit, ...], msgspec.Meta(max_length=50)] = ()
    reserve_bp: BasisPoints = 0
    reserve_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30


class Agreement(Part, frozen=True, kw_only=True, gc=False):
    """One version of what platform and merchant agreed; in force from `effective_from` to `effective_to`, exclusive.

    `rules` are more specific than its plain terms, which a `rate_source` of `marketplace` leaves out. `volumes` choose
    the tiers; `tax_bp` is the tax on the commission of its plain terms, in basis points of it.
    """

    version: Revision
    announced_at: Timestamp
    effective_from: Timestamp
    effective_to: Timestamp | None = None
    channel_profile: ExternalId
    direction: Literal["pay", "collect"] = "pay"
    price_mode: Literal["commission", "settlement_price"] = "commission"
    commission_bp: BasisPoints = 0
    category_rates: Annotated[tuple[CategoryRate, ...], msgspec.Meta(max_length=200)] = ()
    commission_limits: Annotated[tuple[CommissionLimit, ...], msgspec.Meta(max_length=50)] = ()
    fee_bearer: Literal["platform", "merchant", "pro_rata"] = "platform"
    freight_to: Literal["merchant", "chain"] = "merchant"
    trigger: Literal["paid", "shipped", "delivered", "completed"] = "paid"
    trigger_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 0
    cycle: Literal["real_time", "day", "week", "month"] = "real_time"
    refund_bearer: Literal["original_payee", "proportional", "platform"] = "original_payee"
    refund_commission: Literal["returned", "kept"] = "returned"
    refund_surcharge: Literal["returned", "kept"] = "returned"
    trigger_working_days: bool | msgspec.UnsetType = msgspec.UNSET
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=100)] | msgspec.UnsetType = msgspec.UNSET
    rate_source: Literal["agreement", "marketplace"] | msgspec.UnsetType = msgspec.UNSET
    volumes: Annotated[tuple[Volume, ...], msgspec.Meta(max_length=50)] | msgspec.UnsetType = msgspec.UNSET
    tax_bp: BasisPoints | msgspec.UnsetType = msgspec.UNSET
    split_cap_bp: BasisPoints | msgspec.UnsetType = msgspec.UNSET
    payouts: PayoutTerms | msgspec.UnsetType = msgspec.UNSET
    freeze_policy: Literal["split_now", "let_go"] | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "announced_at", "effective_from", "effective_to")


class MerchantChanged(Event, frozen=True, kw_only=True, gc=False):
    """A merchant's whole state; the greater version wins. `blocked` names why it may not be paid (it still earns)."""

    topic: ClassVar[str] = "merchant-changed"
    type: ClassVar[str] = "weir.merchant-changed.v1"

    merchant: ExternalId
    version: Revision
    name: Label
    kind: Literal["pop", "distributor", "self_operated", "logistics"]
    blocked: Annotated[tuple[ExternalId, ...], msgspec.Meta(max_length=20)] = ()
    agreements: Annotated[tuple[Agreement, ...], msgspec.Meta(max_length=1_000)] = ()

    @property
    def key(self) -> str:
        """All versions of one merchant stay in order."""
        return f"{self.marketplace}/{self.merchant}"

    @property
    def aggregate(self) -> str:
        """The merchant, told apart from an order of the same id: no order id has a `/`."""
        return f"{self.marketplace}/merchants/{self.merchant}"

    @property
    def identity(self) -> str:
        """Each version is an event of its own."""
        return f"{self.merchant}/{self.version}"
