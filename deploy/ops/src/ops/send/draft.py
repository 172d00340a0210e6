"""What a file of orders is made of once it is read: merchants to agree with, paid orders, their progress. No I/O."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

from shared.ids import EXTERNAL_ID_PATTERN, LABEL_PATTERN
from shared.messages import CategoryRate, CommissionLimit, OrderPaid, OrderProgressed, PayoutTerms, Rule, Volume

LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A merchant's first agreement may take effect at any past time, so orders of any age find it in force."""

PROFILE: Final = "sandbox-direct"
MARKETING: Final = "platform:marketing"

ExternalId = Annotated[str, msgspec.Meta(pattern=EXTERNAL_ID_PATTERN)]
Label = Annotated[str, msgspec.Meta(pattern=LABEL_PATTERN)]


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The agreement that a merchant is to have; the merchant service numbers it and sets when it was announced."""

    effective_from: Annotated[datetime, msgspec.Meta(tz=True)] = LONG_AGO
    channel_profile: ExternalId = PROFILE
    price_mode: Literal["commission", "settlement_price"] = "commission"
    commission_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
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
    tax_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | msgspec.UnsetType = msgspec.UNSET
    payouts: PayoutTerms | msgspec.UnsetType = msgspec.UNSET


class MerchantDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A merchant that must exist before the orders that name it are sent."""

    marketplace: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}$")]
    merchant: ExternalId
    name: Label
    kind: Literal["pop", "distributor", "self_operated", "logistics"] = "pop"
    agreement: Terms


UpstreamEvent = OrderPaid | OrderProgressed
"""What an upstream system publishes."""

Item = MerchantDraft | UpstreamEvent


def standard_terms(commission_bp: int) -> Terms:
    """Return the agreement of a real-time seller: commission on the price, none on freight, given back on refund."""
    return Terms(commission_bp=commission_bp)


def marketing_needed(order: OrderPaid) -> int:
    """Return what the marketing pocket may have to add to the pool for this order, in minor units.

    What the platform bears itself, and the channel's fee: a platform that bears the fee of an order with less
    commission than fee has to put in the difference.
    """
    borne = sum(-it.amount_minor for it in order.adjustments if it.amount_minor < 0 and it.party == MARKETING)
    return borne + sum(payment.fee_minor for payment in order.payments)
