"""What merchant publishes, described field by field. Amounts are minor units, rates are basis points (1/10,000)."""

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.models.contract import (
    BasisPoints,
    Currency,
    EventModel,
    ExternalId,
    Label,
    Model,
    Revision,
    Timestamp,
    Unset,
    listed,
    unset,
)
from shared.messages.models.rules import CommissionLimit, Rule, Volume
from shared.money import WIRE_INTEGER_MAX


class CategoryRate(Model):
    """The commission of one category, which wins over the agreement's own rate."""

    category: Label
    """The category, as order lines name it."""
    commission_bp: BasisPoints
    """Basis points of a line's amount."""


class PayoutLimit(Model):
    """A limit on what is paid out in one currency."""

    currency: Currency
    """ISO 4217 code."""
    amount_minor: Annotated[int, Field(ge=0, le=WIRE_INTEGER_MAX)]
    """Minor units of it."""


class PayoutTerms(Model):
    """What keeps money that is due from going out at once."""

    daily_caps: Annotated[tuple[PayoutLimit, ...], listed(0, 50)] = ()
    """The most that is paid out on one business day; the rest waits for the next. A currency may stand there once."""
    minimums: Annotated[tuple[PayoutLimit, ...], listed(0, 50)] = ()
    """What is due is paid out once it comes to this; below it, it accumulates. A currency may stand there once."""
    reserve_bp: BasisPoints = 0
    """Basis points of what is due that stay behind as a reserve."""
    reserve_days: Annotated[int, Field(ge=1, le=365)] = 30
    """Calendar days after which a reserve is paid out."""


class Agreement(Model):
    """One version of what platform and merchant agreed."""

    version: Revision
    """Rises with each agreement of the merchant; it is stored on every split made under it."""
    announced_at: Timestamp
    """When this version was made known; RFC 3339 with an offset."""
    effective_from: Timestamp
    """First moment in force, compared with an order's paid_at."""
    effective_to: Timestamp | None = None
    """First moment no longer in force; absent or null: open."""
    channel_profile: ExternalId
    """The kind of channel through which the merchant is paid."""
    direction: Literal["pay", "collect"] = "pay"
    """Who holds the buyers' money: `pay` the platform's custody, `collect` the merchant."""
    price_mode: Literal["commission", "settlement_price"] = "commission"
    """The merchant gets its amount less a commission, or a settlement price per piece."""
    commission_bp: BasisPoints = 0
    """Basis points of a line's amount, rounded down per line."""
    category_rates: Annotated[tuple[CategoryRate, ...], listed(0, 200)] = ()
    """Rates of single categories."""
    commission_limits: Annotated[tuple[CommissionLimit, ...], listed(0, 50)] = ()
    """Floor and cap per currency."""
    fee_bearer: Literal["platform", "merchant", "pro_rata"] = "platform"
    """Who bears the channel's fee."""
    freight_to: Literal["merchant", "chain"] = "merchant"
    """Who gets the freight: the merchant, or the order's logistics chain."""
    trigger: Literal["paid", "shipped", "delivered", "completed"] = "paid"
    """The event that makes the money available."""
    trigger_days: Annotated[int, Field(ge=0, le=365)] = 0
    """Days to wait after that event, in the marketplace's zone."""
    cycle: Literal["real_time", "day", "week", "month"] = "real_time"
    """Paid out at once, or by periodic statement."""
    refund_bearer: Literal["original_payee", "proportional", "platform"] = "original_payee"
    """Who gives the money back on a refund."""
    refund_commission: Literal["returned", "kept"] = "returned"
    """What happens to the commission on a refund."""
    refund_surcharge: Literal["returned", "kept"] = "returned"
    """What happens to surcharges on a refund."""
    trigger_working_days: bool | Unset = unset()
    """Whether only working days count after the trigger; absent: every day does."""
    rules: Annotated[tuple[Rule, ...], listed(0, 100)] | Unset = unset()
    """Rules that are more specific than the rates above; absent: none."""
    rate_source: Literal["agreement", "marketplace"] | Unset = unset()
    """`marketplace`: the rates above are not used, the marketplace's rules decide; absent: `agreement`."""
    volumes: Annotated[tuple[Volume, ...], listed(0, 50)] | Unset = unset()
    """What the merchant sold in the previous closed period, by which tiers are chosen; absent: the lowest."""
    tax_bp: BasisPoints | Unset = unset()
    """Tax on the commission of the rates above, in basis points of it, borne by the merchant; absent: none."""
    split_cap_bp: BasisPoints | Unset = unset()
    """The most that others may get of a payment that the merchant collects, in basis points; absent: the profile's."""
    payouts: PayoutTerms | Unset = unset()
    """Caps, minimums and a reserve of payouts; absent: none."""
    freeze_policy: Literal["split_now", "let_go"] | Unset = unset()
    """What is done three days before the institution unfreezes a payment by itself: `split_now` pays the others of what
    still waits for its trigger, `let_go` leaves it to the merchant, who owes it then; absent: `split_now`."""


class MerchantChanged(EventModel):
    """A merchant's whole state; the greater version wins. There are no tombstones."""

    merchant: ExternalId
    """The merchant's id, unique within the marketplace."""
    version: Revision
    """Rises with each change of the merchant."""
    name: Label
    """What people call it."""
    kind: Literal["pop", "distributor", "self_operated", "logistics"]
    """A seller of its own, a distributor, the platform's own sales, or a logistics company."""
    blocked: Annotated[tuple[ExternalId, ...], listed(0, 20)] = ()
    """Why it may not be paid, as codes; it still earns. Empty: it may."""
    agreements: Annotated[tuple[Agreement, ...], listed(0, 1_000)] = ()
    """Every version that may still matter: those whose effective_to is not older than 400 days."""
