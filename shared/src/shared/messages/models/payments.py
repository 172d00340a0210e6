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
    Unset,
    WeirId,
    listed,
    unset,
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
    """Who is paid: `merchant:<id>`, `platform:commission`, `platform:fee`, `platform:tax` or `platform:advance`."""
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
    channel_payment_id: ExternalId | Unset = unset()
    """The payment that it was split from, as payout-requested named it."""


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


class ReturnOutcome(Model):
    """What became of one return."""

    return_id: WeirId
    """The return, as refund-requested named it."""
    leg_id: WeirId
    """The leg that was paid."""
    receiver: WeirId
    """Who gives back."""
    amount_minor: Minor
    """In minor units."""
    attempt: Attempt
    """Which attempt this is the outcome of."""
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled"]
    """Final are succeeded, failed and cancelled (the plan had failed before it was sent)."""
    channel_number: ExternalId
    """The number by which the institution knows this attempt."""
    reason: Label | None = None
    """The institution's reason, where it failed."""


class FundingOutcome(Model):
    """What became of one funding."""

    funding_id: WeirId
    """The funding, as refund-requested named it."""
    amount_minor: Minor
    """In minor units."""
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled"]
    """Final are succeeded, failed and cancelled (the plan had failed before it was sent)."""
    channel_number: ExternalId
    """The number by which the institution knows it."""
    reason: Label | None = None
    """The institution's reason, where it failed or waits."""


class RefundOutcome(Model):
    """What became of the refund of one payment."""

    channel_payment_id: ExternalId
    """The payment, as refund-requested named it."""
    amount_minor: Minor
    """In minor units."""
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled", "returned"]
    """Final are succeeded, failed, cancelled (the plan had failed before it was sent) and returned.

    `returned`: the buyer's bank sent the money back after it had succeeded; it is in the pool again.
    """
    channel_number: ExternalId
    """The number by which the institution knows it."""
    reason: Label | None = None
    """The institution's reason, where it failed or came back."""


class RefundSettled(EventModel):
    """The state of a refund. It is applied when its revision is greater than the one stored."""

    order_id: ExternalId
    """The order whose buyer is refunded."""
    refund_id: ExternalId
    """The refund, as refund-requested named it."""
    revision: Revision
    """Rises with each change; the greatest is the truth. It is not the plan's."""
    planned: Revision
    """The revision of refund-requested that this answers."""
    state: Literal["under_way", "waiting_funds", "succeeded", "failed"]
    """`succeeded`: all of it is done at the institution. `failed`: nothing of this plan goes on."""
    reason: Label | None = None
    """Why it failed or waits."""
    currency: Currency
    """ISO 4217 code of every amount of this refund."""
    channel_profile: ExternalId
    """The kind of channel that refunds."""
    channel_account: ExternalId
    """The account at the institution whose pool refunds."""
    returns: Annotated[tuple[ReturnOutcome, ...], listed(0, 600)] = ()
    """Every return of every plan so far, once, as it stands now."""
    fundings: Annotated[tuple[FundingOutcome, ...], listed(0, 8)] = ()
    """Every funding of every plan so far, once, as it stands now."""
    refunds: Annotated[tuple[RefundOutcome, ...], listed(0, 32)] = ()
    """Every payment that is refunded, once, as its refund stands now."""
    settled_at: Timestamp
    """When this revision came about; RFC 3339 with an offset."""


class ChannelMoved(EventModel):
    """The institution moved money, or freed it, without an instruction of Weir."""

    movement_id: ExternalId
    """The institution's own number of the movement, unique within its account and kind."""
    kind: Literal["chargeback", "chargeback_reversed", "console_refund", "auto_unfreeze", "inbound", "deduction"]
    """What happened.

    `chargeback`, `chargeback_reversed`: the buyer's bank took a payment back, and gave it up again. `console_refund`:
    somebody refunded the buyer in the channel's own console. `auto_unfreeze`: the frozen rest went to the collecting
    merchant. `inbound`: money came in from outside. `deduction`: a receiver's debt was taken from its own account, into
    the pool.
    """
    order_id: ExternalId | None = None
    """The order that the payment belongs to; absent or null: none is known."""
    channel_profile: ExternalId
    """The kind of channel that moved it."""
    channel_account: ExternalId
    """The account at the institution whose pool lost, got or freed it."""
    channel_payment_id: ExternalId | None = None
    """The payment that it is about; absent or null: none."""
    currency: Currency
    """ISO 4217 code of the amount."""
    amount_minor: Minor
    """How much, in minor units; the kind says which way."""
    receiver: WeirId | None = None
    """Who got it (auto_unfreeze, inbound) or lost it (deduction); absent or null: not known, or the pool."""
    reference: Label | None = None
    """What the sender wrote, such as a statement's number; absent or null: nothing."""
    reverses: ExternalId | None = None
    """The movement_id of the chargeback that is taken back; absent or null: none."""
    moved_at: Timestamp
    """When the institution moved it; RFC 3339 with an offset."""
