"""What split publishes, described field by field. Amounts are integers of the currency's minor unit."""

from typing import Annotated, Literal

from shared.messages.models.contract import (
    Attempt,
    Currency,
    DocumentId,
    EventModel,
    ExternalId,
    Minor,
    Model,
    WeirId,
    listed,
)


class Breakdown(Model):
    """Why a leg has its amount: gross + freight + adjustments - commission - fee - passed on."""

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


class Leg(Model):
    """One receiver's amount within a payout."""

    leg_id: WeirId
    """`<marketplace>/<document>/<share path>/<part>`; kept through every retry. A leg is paid once."""
    receiver: WeirId
    """Who is paid: `merchant:<id>`, `platform:commission` or `platform:fee`."""
    amount_minor: Minor
    """In minor units."""
    attempt: Attempt = 1
    """Rises by one with each retry after a final failure."""
    breakdown: Breakdown
    """How the amount came about; carried unchanged to payout-settled and the merchant's statement."""


class Subsidy(Model):
    """Money that the platform's marketing account at the institution adds to the pool before the legs are paid."""

    subsidy_id: WeirId
    """Unique within the marketplace; a subsidy is taken once."""
    amount_minor: Minor
    """In minor units."""


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
