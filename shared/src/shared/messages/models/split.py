"""What split publishes, described field by field. Amounts are integers of the currency's minor unit."""

from typing import Annotated, Literal

from shared.messages.models.contract import (
    Attempt,
    Currency,
    DocumentId,
    EventModel,
    ExternalId,
    Label,
    Minor,
    Model,
    Revision,
    Unset,
    WeirId,
    listed,
    unset,
)


class Breakdown(Model):
    """Why a leg has its amount: gross + freight + adjustments - commission - its tax - fee - passed on - netted."""

    gross_minor: Minor = 0
    """The receiver's lines, in minor units."""
    freight_minor: Minor = 0
    """Freight that goes to the receiver, in minor units."""
    adjustments_minor: Minor = 0
    """Discounts the receiver bears (negative) and surcharges it gets (positive), in minor units."""
    commission_minor: Minor = 0
    """Commission the platform keeps, in minor units."""
    fee_minor: Minor = 0
    """The receiver's part of the channel's fee, in minor units."""
    passed_on_minor: Minor = 0
    """What extra receivers get out of this share, in minor units."""
    commission_tax_minor: Minor | Unset = unset()
    """Tax on the commission, which the receiver bears, in minor units; absent: none."""
    netted_minor: Minor | Unset = unset()
    """The receiver's debt that this leg pays off, in minor units; absent: none."""


class Leg(Model):
    """One receiver's amount within a payout."""

    leg_id: WeirId
    """`<marketplace>/<document>/<share path>/<part>`; kept through every retry. A leg is paid once."""
    receiver: WeirId
    """Who is paid: `merchant:<id>`, `platform:commission`, `platform:fee`, `platform:tax` or `platform:advance`."""
    amount_minor: Minor
    """In minor units."""
    attempt: Attempt = 1
    """Rises by one with each retry after a final failure."""
    breakdown: Breakdown
    """How the amount came about; carried unchanged to payout-settled and the merchant's statement."""
    channel_payment_id: ExternalId | Unset = unset()
    """The payment that it is split from, where the seller collects; absent: the pool pays."""


class Subsidy(Model):
    """Money that the platform's marketing account at the institution adds to the pool before the legs are paid."""

    subsidy_id: WeirId
    """Unique within the marketplace; a subsidy is taken once."""
    amount_minor: Minor
    """In minor units."""
    channel_payment_id: ExternalId | Unset = unset()
    """The payment that it is added to, where the seller collects; absent: the pool."""


class PayoutRequested(EventModel):
    """Split asks payments to pay receivers, to give the collector the rest, or to stop what is not yet sent."""

    payout_id: WeirId
    """`<document>.<n>`: the n-th release of that document."""
    document: DocumentId
    """What is paid out: `o:<order>`, `s:<statement>` or `c:<charge>`."""
    kind: Literal["pay", "finish", "cancel"]
    """`pay` these legs, `finish` the order (the collector gets the rest), or `cancel` legs that are not yet sent."""
    currency: Currency
    """ISO 4217 code of every amount of this payout."""
    channel_profile: ExternalId
    """The kind of channel that pays."""
    channel_account: ExternalId
    """The account at the institution whose pool pays."""
    legs: Annotated[tuple[Leg, ...], listed(0, 600)]
    """Who gets how much."""
    subsidies: Annotated[tuple[Subsidy, ...], listed(0, 8)] = ()
    """Taken from the marketing account before the legs are paid."""


class ReturnLeg(Model):
    """What a receiver is to give back of a leg that was paid."""

    return_id: WeirId
    """Unique within the marketplace; kept through every attempt. It is given back once."""
    leg_id: WeirId
    """The leg that was paid, as payout-requested named it."""
    payout_id: WeirId
    """The payout that paid it."""
    receiver: WeirId
    """Who gives back: who was paid."""
    amount_minor: Minor
    """In minor units; all returns of a leg together are at most the leg."""
    attempt: Attempt = 1
    """Rises by one with each retry after a final failure."""


class Funding(Model):
    """Money between the platform's own accounts at the institution and the pool, before the buyer is refunded."""

    funding_id: WeirId
    """Unique within the marketplace; a funding is moved once."""
    kind: Literal["marketing", "advance", "marketing_back"]
    """`marketing` and `advance` go into the pool; `marketing_back` goes back to the marketing account."""
    amount_minor: Minor
    """In minor units."""


class BuyerRefund(Model):
    """What goes back to the buyer of one payment."""

    channel_payment_id: ExternalId
    """The payment, as order-paid named it."""
    amount_minor: Minor
    """In minor units; all refunds of a payment together are at most the payment."""


class RefundRequested(EventModel):
    """Split asks payments to refund a buyer by this plan: first the returns and fundings, then the refunds.

    What comes in by returns and fundings, and what the pool still holds of the order, is what goes out to the buyer.
    """

    order_id: ExternalId
    """The order whose buyer is refunded."""
    refund_id: ExternalId
    """The refund, as refund-approved named it; kept through every revision."""
    revision: Revision
    """Rises with each plan of the refund. A plan is whole: what an earlier one has done stands in it again."""
    refused: Label | None = None
    """Why there is no plan; payments answers with refund-settled `failed` for this reason. Absent or null: a plan."""
    currency: Currency
    """ISO 4217 code of every amount of this refund."""
    channel_profile: ExternalId
    """The kind of channel that the buyer paid through."""
    channel_account: ExternalId
    """The account at the institution whose pool refunds."""
    returns: Annotated[tuple[ReturnLeg, ...], listed(0, 600)] = ()
    """What receivers give back, before anything goes to the buyer."""
    fundings: Annotated[tuple[Funding, ...], listed(0, 8)] = ()
    """What the platform adds or takes back, before anything goes to the buyer."""
    refunds: Annotated[tuple[BuyerRefund, ...], listed(0, 32)] = ()
    """What the buyer gets, by payment, in this order."""
