"""What payments publishes, described field by field. Amounts are integers of the currency's minor unit."""

from typing import Annotated, Literal

from pydantic import StringConstraints

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
    Timestamp,
    WeirId,
    listed,
)
from shared.messages.models.split import Breakdown
from shared.messages.models.upstream import PaidOrder


class SplitRequested(PaidOrder):
    """An order whose payments are proved at the institution: split it. Fees are as the institution reported them."""


class OrderRejected(EventModel):
    """Payments refused an order. No money moves; a corrected body under the same order id is taken."""

    order_id: ExternalId
    """The refused order."""
    reason: ExternalId
    """Why, as a code: `amount_mismatch`, `profiles_mixed`, `paid_at_in_future` and others."""
    detail: Annotated[str, StringConstraints(max_length=500)] = ""
    """The same for a person, with the numbers that did not fit."""
    rejected_at: Timestamp
    """When payments decided; RFC 3339 with an offset."""


class LegOutcome(Model):
    """What became of one leg."""

    leg_id: WeirId
    """The leg, as payout-requested named it."""
    receiver: WeirId
    """Who is paid: `merchant:<id>`, `platform:commission` or `platform:fee`."""
    amount_minor: Minor
    """In minor units."""
    attempt: Attempt
    """Which attempt this is the outcome of."""
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled", "returned"]
    """Final are succeeded, failed, cancelled and returned (the bank sent the money back after it had succeeded)."""
    channel_number: ExternalId
    """The number by which the institution knows this attempt."""
    reason: Label | None = None
    """The institution's reason, where it failed."""
    breakdown: Breakdown
    """As in payout-requested, unchanged."""


class SubsidyOutcome(Model):
    """What became of a subsidy from the platform's marketing account."""

    subsidy_id: WeirId
    """The subsidy, as payout-requested named it."""
    amount_minor: Minor
    """In minor units."""
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled"]
    """Final are succeeded, failed and cancelled."""
    channel_number: ExternalId
    """The number by which the institution knows it."""
    reason: Label | None = None
    """The institution's reason, where it failed."""


class PayoutSettled(EventModel):
    """The state of every leg of a payout. It is applied when its revision is greater than the one stored."""

    payout_id: WeirId
    """The payout, as payout-requested named it."""
    document: DocumentId
    """What was paid out: `o:<order>`, `s:<statement>` or `c:<charge>`."""
    kind: Literal["pay", "finish", "cancel"]
    """As requested."""
    revision: Revision
    """Rises with each change of a leg; the greatest is the truth."""
    currency: Currency
    """ISO 4217 code of every amount of this payout."""
    channel_profile: ExternalId
    """The kind of channel that paid."""
    channel_account: ExternalId
    """The account at the institution whose pool paid."""
    settled_at: Timestamp
    """When this revision came about; RFC 3339 with an offset."""
    legs: Annotated[tuple[LegOutcome, ...], listed(0, 600)]
    """All legs of the payout, also those that did not change."""
    subsidies: Annotated[tuple[SubsidyOutcome, ...], listed(0, 8)] = ()
    """All subsidies of the payout."""
