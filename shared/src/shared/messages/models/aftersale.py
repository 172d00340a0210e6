"""What aftersale publishes, described field by field. Amounts are integers of the currency's minor unit."""

from typing import Annotated, Literal

from shared.messages.models.contract import (
    Currency,
    EventModel,
    ExternalId,
    Label,
    Minor,
    Model,
    Revision,
    Timestamp,
    listed,
)


class RefundLine(Model):
    """What the buyer gets back of one line."""

    line_id: ExternalId
    """The line, as order-paid named it."""
    amount_minor: Minor
    """Of the goods, as the buyer paid for them, in minor units."""
    freight_minor: Minor = 0
    """Of the line's freight, as the buyer paid for it, in minor units."""


class RefundApproved(EventModel):
    """The platform has decided that the buyer gets money back. Split finds out who bears it, and from which money."""

    order_id: ExternalId
    """The order whose buyer is refunded."""
    refund_id: ExternalId
    """Unique within the marketplace; a refund is approved once."""
    case_id: ExternalId
    """The case in which it was decided."""
    currency: Currency
    """ISO 4217 code of every amount; the order's."""
    lines: Annotated[tuple[RefundLine, ...], listed(1, 500)]
    """What is refunded, by line."""
    bearer: Literal["policy", "original_payee", "proportional", "platform", "merchant"] = "policy"
    """Who bears it: as the agreement says (`policy`), or whom the decision names."""
    bearing_merchant: ExternalId | None = None
    """The merchant that bears all of it, where bearer is `merchant`; else absent or null."""
    goods_state: Literal["not_shipped", "shipped", "returned", "lost"]
    """Where the goods are."""
    reason: Label
    """Why, in a word for people."""
    approved_at: Timestamp
    """When it was decided; RFC 3339 with an offset."""


class CaseChanged(EventModel):
    """The state of a case as far as money is concerned. It is applied when its revision is greater than the one stored.

    While it is opened or disputed, money of its lines that is not yet on its way stays where it is.
    """

    order_id: ExternalId
    """The order that the case is about."""
    case_id: ExternalId
    """The case, unique within the marketplace."""
    revision: Revision
    """Rises with each change of the case; the greatest is the truth."""
    state: Literal["opened", "disputed", "closed"]
    """`opened` and `disputed` freeze, `closed` frees."""
    line_ids: Annotated[tuple[ExternalId, ...], listed(0, 500)] = ()
    """The lines that it is about; none named: all lines of the order."""
    reason: Label
    """Why, in a word for people."""
    expires_at: Timestamp | None = None
    """When the freeze ends by itself; RFC 3339 with an offset; absent or null: when the case is closed."""
    changed_at: Timestamp
    """When this revision came about; RFC 3339 with an offset."""
