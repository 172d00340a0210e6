"""What payments publishes: a proved order to split, a refused order, and what an institution did with a payout."""

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
