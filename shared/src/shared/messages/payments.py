"""What payments publishes: a proved order to split, a refused order, and what an institution did with money."""

from typing import Annotated, ClassVar, Literal

import msgspec

from shared.messages.contract import (
    Currency,
    DocumentId,
    Event,
    ExternalId,
    Label,
    Minor,
    Part,
    Revision,
    Timestamp,
    WeirId,
    normalise,
)
from shared.messages.split import Breakdown
from shared.messages.upstream import PaidOrder


class SplitRequested(PaidOrder, frozen=True, kw_only=True, gc=False):
    """An order whose payments are proved at the institution: split it. Fees are as the institution reported them."""

    topic: ClassVar[str] = "split-requested"
    type: ClassVar[str] = "weir.split-requested.v1"


class OrderRejected(Event, frozen=True, kw_only=True, gc=False):
    """An order that payments refused; a corrected body under the same id is taken."""

    topic: ClassVar[str] = "order-rejected"
    type: ClassVar[str] = "weir.order-rejected.v1"

    order_id: ExternalId
    reason: ExternalId
    detail: Annotated[str, msgspec.Meta(max_length=500)] = ""
    rejected_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "rejected_at")

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """One refusal per reason."""
        return f"{self.order_id}/{self.reason}"


class LegOutcome(Part, frozen=True, kw_only=True, gc=False):
    """What became of one leg. The breakdown is carried unchanged from payout-requested."""

    leg_id: WeirId
    receiver: WeirId
    amount_minor: Minor
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled", "returned"]
    channel_number: ExternalId
    reason: Label | None = None
    breakdown: Breakdown
    channel_payment_id: ExternalId | msgspec.UnsetType = msgspec.UNSET


class SubsidyOutcome(Part, frozen=True, kw_only=True, gc=False):
    """What became of a subsidy from the platform's marketing account."""

    subsidy_id: WeirId
    amount_minor: Minor
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled"]
    channel_number: ExternalId
    reason: Label | None = None


class PayoutSettled(Event, frozen=True, kw_only=True, gc=False):
    """The full state of all legs of a payout. Applied when its revision is greater than the one stored."""

    topic: ClassVar[str] = "payout-settled"
    type: ClassVar[str] = "weir.payout-settled.v1"

    payout_id: WeirId
    document: DocumentId
    kind: Literal["pay", "finish", "cancel"]
    revision: Revision
    currency: Currency
    channel_profile: ExternalId
    channel_account: ExternalId
    settled_at: Timestamp
    legs: Annotated[tuple[LegOutcome, ...], msgspec.Meta(max_length=600)]
    subsidies: Annotated[tuple[SubsidyOutcome, ...], msgspec.Meta(max_length=8)] = ()

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "settled_at")

    @property
    def key(self) -> str:
        """The order, statement or charge that is paid out."""
        return f"{self.marketplace}/{self.document[2:]}"

    @property
    def identity(self) -> str:
        """Each revision is an event of its own."""
        return f"{self.payout_id}/{self.revision}"


class ReturnOutcome(Part, frozen=True, kw_only=True, gc=False):
    """What became of one return leg."""

    return_id: WeirId
    leg_id: WeirId
    receiver: WeirId
    amount_minor: Minor
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled"]
    channel_number: ExternalId
    reason: Label | None = None


class FundingOutcome(Part, frozen=True, kw_only=True, gc=False):
    """What became of one funding."""

    funding_id: WeirId
    amount_minor: Minor
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled"]
    channel_number: ExternalId
    reason: Label | None = None


class RefundOutcome(Part, frozen=True, kw_only=True, gc=False):
    """What became of the refund of one payment. `returned`: the buyer's bank sent it back after it had succeeded."""

    channel_payment_id: ExternalId
    amount_minor: Minor
    state: Literal["created", "sending", "accepted", "succeeded", "failed", "unknown", "cancelled", "returned"]
    channel_number: ExternalId
    reason: Label | None = None


class RefundSettled(Event, frozen=True, kw_only=True, gc=False):
    """The full state of a refund. Applied when its revision is greater than the one stored.

    `planned` is the revision of refund-requested that it answers. `succeeded`: the buyer has it, at the institution.
    `failed`: nothing of this plan goes on; what returned or was paid in until then is in the outcomes, which are those
    of every plan so far: each return, funding and payment once, as it stands now.
    """

    topic: ClassVar[str] = "refund-settled"
    type: ClassVar[str] = "weir.refund-settled.v1"

    order_id: ExternalId
    refund_id: ExternalId
    revision: Revision
    planned: Revision
    state: Literal["under_way", "waiting_funds", "succeeded", "failed"]
    reason: Label | None = None
    currency: Currency
    channel_profile: ExternalId
    channel_account: ExternalId
    returns: Annotated[tuple[ReturnOutcome, ...], msgspec.Meta(max_length=600)] = ()
    fundings: Annotated[tuple[FundingOutcome, ...], msgspec.Meta(max_length=8)] = ()
    refunds: Annotated[tuple[RefundOutcome, ...], msgspec.Meta(max_length=32)] = ()
    settled_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "settled_at")

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """Each revision is an event of its own."""
        return f"{self.refund_id}/{self.revision}"


class ChannelMoved(Event, frozen=True, kw_only=True, gc=False):
    """The institution moved money, or freed it, without an instruction of Weir.

    `order_id` is the order that the payment belongs to, where there is one. `receiver` is who got it (auto_unfreeze,
    inbound) or lost it (deduction); a chargeback takes from the pool. `reverses` is the chargeback that is taken back.
    """

    topic: ClassVar[str] = "channel-moved"
    type: ClassVar[str] = "weir.channel-moved.v1"

    movement_id: ExternalId
    kind: Literal["chargeback", "chargeback_reversed", "console_refund", "auto_unfreeze", "inbound", "deduction"]
    order_id: ExternalId | None = None
    channel_profile: ExternalId
    channel_account: ExternalId
    channel_payment_id: ExternalId | None = None
    currency: Currency
    amount_minor: Minor
    receiver: WeirId | None = None
    reference: Label | None = None
    reverses: ExternalId | None = None
    moved_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "moved_at")

    @property
    def key(self) -> str:
        """All events of one order, or of one account, stay in order."""
        return f"{self.marketplace}/{self.order_id or self.channel_account}"

    @property
    def aggregate(self) -> str:
        """The order, or the account, told apart from an order of the same id: no order id has a `/`."""
        return self.key if self.order_id else f"{self.marketplace}/accounts/{self.channel_account}"

    @property
    def identity(self) -> str:
        """The channel's own number, of this account and kind."""
        return f"{self.channel_account}/{self.kind}/{self.movement_id}"
