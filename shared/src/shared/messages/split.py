"""What split publishes: who is to be paid or gives back, how much, out of which document, and why."""

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
    WeirId,
)


class Breakdown(Part, frozen=True, kw_only=True, gc=False):
    """Why a leg has its amount: gross + freight + adjustments - commission - its tax - fee - passed_on - netted.

    All in minor units. `netted` is the receiver's debt that this leg pays off.
    """

    gross_minor: Minor = 0
    freight_minor: Minor = 0
    adjustments_minor: Minor = 0
    commission_minor: Minor = 0
    fee_minor: Minor = 0
    passed_on_minor: Minor = 0
    commission_tax_minor: Minor | msgspec.UnsetType = msgspec.UNSET
    netted_minor: Minor | msgspec.UnsetType = msgspec.UNSET


class Leg(Part, frozen=True, kw_only=True, gc=False):
    """One receiver's amount. `leg_id` is kept through every retry; `attempt` rises with each.

    `channel_payment_id`: the payment that it is split from, where the seller collects.
    """

    leg_id: WeirId
    receiver: WeirId
    amount_minor: Minor
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    breakdown: Breakdown
    channel_payment_id: ExternalId | msgspec.UnsetType = msgspec.UNSET


class Subsidy(Part, frozen=True, kw_only=True, gc=False):
    """Money that the platform's marketing account at the institution adds to the pool before the legs are paid.

    Where the seller collects it is added to a payment.
    """

    subsidy_id: WeirId
    amount_minor: Minor
    channel_payment_id: ExternalId | msgspec.UnsetType = msgspec.UNSET


class PayoutRequested(Event, frozen=True, kw_only=True, gc=False):
    """Pay these legs (`pay`), give the collector the rest (`finish`), or stop what is not sent (`cancel`)."""

    topic: ClassVar[str] = "payout-requested"
    type: ClassVar[str] = "weir.payout-requested.v1"

    payout_id: WeirId
    document: DocumentId
    kind: Literal["pay", "finish", "cancel"]
    currency: Currency
    channel_profile: ExternalId
    channel_account: ExternalId
    legs: Annotated[tuple[Leg, ...], msgspec.Meta(max_length=600)]
    subsidies: Annotated[tuple[Subsidy, ...], msgspec.Meta(max_length=8)] = ()

    @property
    def key(self) -> str:
        """The order, statement or charge that is paid out."""
        return f"{self.marketplace}/{self.document[2:]}"

    @property
    def identity(self) -> str:
        """A payout may be requested, finished and cancelled, each once."""
        return f"{self.payout_id}/{self.kind}"


class ReturnLeg(Part, frozen=True, kw_only=True, gc=False):
    """What a receiver is to give back of a leg that was paid (回退). `attempt` rises with each final failure."""

    return_id: WeirId
    leg_id: WeirId
    payout_id: WeirId
    receiver: WeirId
    amount_minor: Minor
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1


class Funding(Part, frozen=True, kw_only=True, gc=False):
    """Money between the platform's own accounts at the institution and the pool, before the buyer is refunded.

    `marketing` and `advance` go into the pool; `marketing_back` is what the platform had added to a sale now undone.
    """

    funding_id: WeirId
    kind: Literal["marketing", "advance", "marketing_back"]
    amount_minor: Minor


class BuyerRefund(Part, frozen=True, kw_only=True, gc=False):
    """What goes back to the buyer of one payment (原路退回). What failed for good the next plan tries again."""

    channel_payment_id: ExternalId
    amount_minor: Minor


class RefundRequested(Event, frozen=True, kw_only=True, gc=False):
    """Refund a buyer by this funding plan: returns and fundings first. `refused` says why there is none.

    A revision is the whole plan: what was done under an earlier one stands in it again, and is not done twice.
    """

    topic: ClassVar[str] = "refund-requested"
    type: ClassVar[str] = "weir.refund-requested.v1"

    order_id: ExternalId
    refund_id: ExternalId
    revision: Revision
    refused: Label | None = None
    currency: Currency
    channel_profile: ExternalId
    channel_account: ExternalId
    returns: Annotated[tuple[ReturnLeg, ...], msgspec.Meta(max_length=600)] = ()
    fundings: Annotated[tuple[Funding, ...], msgspec.Meta(max_length=8)] = ()
    refunds: Annotated[tuple[BuyerRefund, ...], msgspec.Meta(max_length=32)] = ()

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """Each revision of the plan is an event of its own."""
        return f"{self.refund_id}/{self.revision}"
