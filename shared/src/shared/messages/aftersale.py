"""What aftersale publishes: a refund was approved, and a case that freezes or frees money was changed."""

from typing import Annotated, ClassVar, Literal

import msgspec

from shared.messages.contract import Currency, Event, ExternalId, Label, Minor, Part, Revision, Timestamp, normalise


class RefundLine(Part, frozen=True, kw_only=True, gc=False):
    """What the buyer gets back of one line: of the goods, and of the freight. Both as the buyer paid them."""

    line_id: ExternalId
    amount_minor: Minor
    freight_minor: Minor = 0


class RefundApproved(Event, frozen=True, kw_only=True, gc=False):
    """The platform has decided that the buyer gets money back. Split finds out who bears it, and from which money.

    `bearer` is `policy` (as the agreement says) unless the decision itself says otherwise; `merchant` means that
    `bearing_merchant` bears all of it, such as a distributor that refunds at its own loss.
    """

    topic: ClassVar[str] = "refund-approved"
    type: ClassVar[str] = "weir.refund-approved.v1"

    order_id: ExternalId
    refund_id: ExternalId
    case_id: ExternalId
    currency: Currency
    lines: Annotated[tuple[RefundLine, ...], msgspec.Meta(min_length=1, max_length=500)]
    bearer: Literal["policy", "original_payee", "proportional", "platform", "merchant"] = "policy"
    bearing_merchant: ExternalId | None = None
    goods_state: Literal["not_shipped", "shipped", "returned", "lost"]
    reason: Label
    approved_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "approved_at")

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """A refund is approved once."""
        return self.refund_id


class CaseChanged(Event, frozen=True, kw_only=True, gc=False):
    """The full state of a case as far as money is concerned. Applied when its revision is greater than the one stored.

    While it is opened or disputed, what is not yet on its way of these lines (none named: all) stays where it is.
    """

    topic: ClassVar[str] = "case-changed"
    type: ClassVar[str] = "weir.case-changed.v1"

    order_id: ExternalId
    case_id: ExternalId
    revision: Revision
    state: Literal["opened", "disputed", "closed"]
    line_ids: Annotated[tuple[ExternalId, ...], msgspec.Meta(max_length=500)] = ()
    reason: Label
    expires_at: Timestamp | None = None
    changed_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "expires_at", "changed_at")

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """Each revision is an event of its own."""
        return f"{self.case_id}/{self.revision}"
