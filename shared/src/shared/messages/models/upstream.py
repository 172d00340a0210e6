"""What upstream order systems publish, described field by field. Amounts are integers of the currency's minor unit."""

from typing import Annotated, Literal

from pydantic import Field

from shared.messages.models.contract import (
    Count,
    Currency,
    EventModel,
    ExternalId,
    Label,
    Minor,
    Model,
    Timestamp,
    Unset,
    WeirId,
    listed,
    unset,
)
from shared.money import WIRE_INTEGER_MAX


class ChannelPayment(Model):
    """One payment of the buyer at a payment channel."""

    channel_profile: ExternalId
    """The kind of channel, such as `sandbox-direct`. All payments of an order have one profile."""
    channel_account: ExternalId
    """The marketplace's account at the institution that was paid."""
    channel_payment_id: ExternalId
    """The institution's number of the payment. It proves one order only."""
    amount_minor: Minor
    """What the buyer paid, in minor units, before the channel's fee."""
    fee_minor: Minor = 0
    """What the channel keeps of the amount, in minor units."""
    merchant: ExternalId | Unset = unset()
    """The seller whose part of the order it pays, where the sellers collect and each is paid by itself (合单)."""


class OrderLine(Model):
    """Goods of one merchant within an order."""

    line_id: ExternalId
    """The line's id within its order."""
    sku: ExternalId
    """The goods, as the upstream numbers them."""
    category: Label
    """The category, by which a commission rate is chosen."""
    merchant: ExternalId
    """The merchant who sold the goods."""
    quantity: Count
    """How many, in pieces."""
    amount_minor: Minor
    """Total of the line without freight, in minor units; not the price of one piece."""
    freight_minor: Minor = 0
    """Freight of the line, in minor units, on top of the amount."""
    settlement_price_minor: Minor | None = None
    """Settlement price of one piece, in minor units, where the agreement pays by settlement price."""


class Adjustment(Model):
    """What makes the payments differ from the lines."""

    kind: Literal["discount", "subsidy", "surcharge"]
    """A discount or subsidy lowers what was paid; a surcharge raises it. The platform bears every subsidy."""
    amount_minor: Minor
    """Signed, in minor units: a discount or subsidy is negative, a surcharge positive."""
    party: WeirId
    """Who bears or gets it: `platform:marketing`, `platform:fee` or `merchant:<id>`."""
    line_id: ExternalId | None = None
    """The line that it belongs to; absent or null: the whole order."""


class ExtraReceiver(Model):
    """Somebody who is paid out of another's share, such as a logistics outlet, a fleet or a driver."""

    receiver: ExternalId
    """Who is paid."""
    parent: WeirId
    """Whose share: `merchant:<id>` (that merchant's net share of this order), `freight` or `receiver:<id>`."""
    share: Literal["percent", "fixed", "remainder"]
    """How the amount is found: percent of the parent's share, a fixed amount, or what the others leave."""
    value: Annotated[int, Field(ge=0, le=WIRE_INTEGER_MAX)] = 0
    """Basis points of the parent's share (percent) or minor units (fixed); not used by remainder."""


class PaidOrder(EventModel):
    """The facts of a paid order."""

    order_id: ExternalId
    """The order's id in its upstream system, unique within the marketplace."""
    buyer: ExternalId
    """An opaque id of the buyer: no name, phone number or address."""
    currency: Currency
    """ISO 4217 code; every amount of the order is in minor units of it."""
    paid_at: Timestamp
    """When the buyer had paid; RFC 3339 with an offset. It decides the agreement in force and the period."""
    payments: Annotated[tuple[ChannelPayment, ...], listed(1, 32)]
    """The payments of the order. Lines, freight and adjustments add up to their sum."""
    lines: Annotated[tuple[OrderLine, ...], listed(1, 500)]
    """The lines of the order."""
    adjustments: Annotated[tuple[Adjustment, ...], listed(0, 500)] = ()
    """Discounts, subsidies and surcharges."""
    receivers: Annotated[tuple[ExtraReceiver, ...], listed(0, 500)] = ()
    """Extra receivers below a merchant, the freight or each other."""


class OrderPaid(PaidOrder):
    """A buyer has paid an order. It is a claim: payments proves it at the institution before money is split.

    The sum of lines, freight and adjustments equals the sum of payments; else the order is refused, `amount_mismatch`.
    """


class OrderProgressed(EventModel):
    """Goods of an order were shipped, delivered, accepted for good or called off. It may come in any order.

    Its sources are the marketplace's upstreams, as those of order-paid.
    """

    order_id: ExternalId
    """The order, as order-paid named it. The order itself may come later."""
    kind: Literal["shipped", "delivered", "completed", "cancelled"]
    """What happened; `completed`: the buyer accepted the goods, or may no longer refuse them."""
    progress_id: ExternalId
    """The upstream's number of the event, such as that of the shipment or the cancellation. Each counts once."""
    line_ids: Annotated[tuple[ExternalId, ...], listed(0, 500)] = ()
    """The lines it is about; none named: all lines of the order."""
    occurred_at: Timestamp
    """When it happened; RFC 3339 with an offset. Days of waiting are counted from it, in the marketplace's zone."""
