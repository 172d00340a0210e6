"""What split publishes: who is to be paid, how much, out of which document, and why that much."""

from typing import Annotated, ClassVar, Literal

import msgspec

from shared.messages.contract import Currency, DocumentId, Event, ExternalId, Minor, Part, WeirId


class Breakdown(Part, frozen=True, kw_only=True, gc=False):
    """Why a leg has its amount: gross + freight + adjustments - commission - fee - passed_on, in minor units."""

    gross_minor: Minor = 0
    freight_minor: Minor = 0
    adjustments_minor: Minor = 0
    commission_minor: Minor = 0
    fee_minor: Minor = 0
    passed_on_minor: Minor = 0


class Leg(Part, frozen=True, kw_only=True, gc=False):
    """One receiver's amount. `leg_id` is kept through every retry; `attempt` rises with each."""

    leg_id: WeirId
    receiver: WeirId
    amount_minor: Minor
    attempt: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 1
    breakdown: Breakdown


class Subsidy(Part, frozen=True, kw_only=True, gc=False):
    """Money that the platform's marketing account at the institution adds to the pool before the legs are paid."""

    subsidy_id: WeirId
    amount_minor: Minor


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
