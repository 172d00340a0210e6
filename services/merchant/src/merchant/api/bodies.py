"""What is asked and answered over HTTP. Amounts are minor units, rates basis points (1/10,000), times RFC 3339.

A request with a field that is not here is refused: a mistyped rate must not become a rate of 0.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, Self

import msgspec
from fastapi import Path
from pydantic import Field

from merchant.domain.agreements import Terms, time_line
from merchant.domain.merchants import Decided, Facts, Kind, Merchant
from shared.http import parameter
from shared.ids import EXTERNAL_ID_PATTERN
from shared.messages.models import contract
from shared.messages.models import merchant as published
from shared.messages.models.asked import CommissionLimit, Request, Rule, Volume
from shared.messages.models.contract import (
    BasisPoints,
    ExternalId,
    Label,
    Model,
    Revision,
    Timestamp,
    Unset,
    listed,
    unset,
)

MERCHANTS_PER_REQUEST_MAX: Final = 500

MerchantId = Annotated[str, Path(pattern=parameter(EXTERNAL_ID_PATTERN), description="id within the marketplace")]


class CategoryRate(published.CategoryRate, Request):
    """The commission of one category, which wins over the agreement's own rate."""


class PayoutLimit(published.PayoutLimit, Request):
    """A limit on what is paid out in one currency."""


class PayoutTerms(published.PayoutTerms, Request):
    """What keeps money that is due from going out at once."""

    daily_caps: Annotated[tuple[PayoutLimit, ...], listed(0, 50)] = ()
    """The most that is paid out on one business day; the rest waits for the next. A currency may stand there once."""
    minimums: Annotated[tuple[PayoutLimit, ...], listed(0, 50)] = ()
    """What is due is paid out once it comes to this; below it, it accumulates. A currency may stand there once."""


class AgreementTerms(Request):
    """What platform and merchant agree. The service numbers it and notes when it was announced."""

    effective_from: Timestamp
    """First moment in force, compared with an order's paid_at; held to the millisecond. A version in force is replaced
    only after the lead time."""
    effective_to: Timestamp | None = None
    """First moment no longer in force; absent or null: until the next version begins."""
    channel_profile: ExternalId
    """The kind of channel through which the merchant is paid; the marketplace must have an account of it."""
    direction: Literal["pay", "collect"] = "pay"
    """Who holds the buyers' money: `pay` the platform's custody, `collect` the merchant."""
    price_mode: Literal["commission", "settlement_price"] = "commission"
    """The merchant gets its amount less a commission, or a settlement price per piece."""
    commission_bp: BasisPoints = 0
    """Basis points of a line's amount, rounded down per line."""
    category_rates: Annotated[tuple[CategoryRate, ...], listed(0, 200)] = ()
    """Rates of single categories; a category may stand there once."""
    commission_limits: Annotated[tuple[CommissionLimit, ...], listed(0, 50)] = ()
    """Floor and cap per line, in minor units of each currency; a currency may stand there once."""
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
    """Rules that are more specific than the rates above. Two that could tie are refused."""
    rate_source: Literal["agreement", "marketplace"] | Unset = unset()
    """`marketplace`: the marketplace's rules decide, and no rate above may be stated; absent: `agreement`."""
    volumes: Annotated[tuple[Volume, ...], listed(0, 50)] | Unset = unset()
    """What the merchant sold in the previous closed period, by which tiers are chosen; absent: the lowest."""
    tax_bp: BasisPoints | Unset = unset()
    """Tax on the commission of the rates above, in basis points of it, borne by the merchant; absent: none."""
    split_cap_bp: BasisPoints | Unset = unset()
    """The most that others may get of a payment that the merchant collects, as its institution has granted it, in basis
    points; absent: what the channel's profile says."""
    payouts: PayoutTerms | Unset = unset()
    """Caps, minimums and a reserve of payouts; absent: none."""
    freeze_policy: Literal["split_now", "let_go"] | Unset = unset()
    """What is done three days before the institution unfreezes a payment by itself: `split_now` pays the others of what
    still waits for its trigger, `let_go` leaves it to the merchant, who owes it then; absent: `split_now`."""

    def terms(self) -> Terms:
        """Return them as the rules know them."""
        return msgspec.convert(self.model_dump(), Terms)


class MerchantFacts(Request):
    """A merchant's whole description: what is not named is not so."""

    name: Label
    """What people call it."""
    kind: Kind = "pop"
    """A seller of its own, a distributor, the platform's own sales, or a logistics company."""
    blocked: Annotated[tuple[ExternalId, ...], listed(0, 20)] = ()
    """Why it may not be paid, as codes; it still earns. Empty: it may."""

    def facts(self) -> Facts:
        """Return them as the rules know them."""
        return Facts(self.name, self.kind, self.blocked)


class MerchantItem(Request):
    """One merchant of many, created or changed, with its agreement. Reasons why it is blocked stay as they are."""

    merchant: ExternalId
    """Its id within the marketplace."""
    name: Label
    """What people call it."""
    kind: Kind = "pop"
    """A seller of its own, a distributor, the platform's own sales, or a logistics company."""
    agreement: AgreementTerms | None = None
    """What is agreed with it; absent or null: nothing (yet)."""


class MerchantItems(Request):
    """Merchants to create or change: all of them, or none."""

    merchants: Annotated[tuple[MerchantItem, ...], listed(1, MERCHANTS_PER_REQUEST_MAX)]
    """Each merchant once."""


class MerchantShown(Model):
    """A merchant as it stands."""

    marketplace: contract.MarketplaceId
    """The marketplace that it belongs to."""
    merchant: ExternalId
    """Its id within the marketplace."""
    version: Revision
    """Rises with each change of the merchant or its agreements."""
    name: Label
    """What people call it."""
    kind: Kind
    """A seller of its own, a distributor, the platform's own sales, or a logistics company."""
    blocked: Annotated[tuple[ExternalId, ...], listed(0, 20)]
    """Why it may not be paid, as codes; it still earns. Empty: it may."""

    @classmethod
    def of(cls, merchant: Merchant) -> Self:
        """Return what is shown of a merchant."""
        return cls.model_validate({name: getattr(merchant, name) for name in cls.model_fields})


class MerchantPage(Model):
    """Merchants in order of their ids."""

    merchants: list[MerchantShown]
    """Up to `limit` of them."""
    next_cursor: str | None
    """For the next page; null on the last."""


class MerchantChange(Model):
    """One merchant after a request."""

    merchant: ExternalId
    """Its id within the marketplace."""
    version: Revision
    """Its version now."""
    agreement_version: Revision | None
    """The version of the agreement that was asked for; null where none was."""

    @classmethod
    def of(cls, decided: Decided) -> Self:
        """Return what became of one item."""
        return cls(
            merchant=decided.merchant.merchant,
            version=decided.merchant.version,
            agreement_version=decided.agreement.number if decided.agreement else None,
        )


class MerchantChanges(Model):
    """The merchants of a request, in its order."""

    merchants: list[MerchantChange]
    """What became of each item."""


class AgreementPage(Model):
    """Versions of a merchant's agreement, in the order in which they were stated."""

    agreements: list[published.Agreement]
    """Up to `limit` of them."""
    next_cursor: str | None
    """For the next page; null on the last."""


def agreement_shown(decided: Decided) -> published.Agreement:
    """Return the agreement that was decided on, with the end that it has on the merchant's time line."""
    number = decided.agreement.number if decided.agreement else None
    found = next(it for it in time_line(decided.merchant.agreements) if it.version == number)
    return published.Agreement.model_validate(msgspec.to_builtins(found, builtin_types=(datetime,)))
