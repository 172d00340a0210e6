"""What upstream order systems publish: an order was paid (a claim; payments proves it), and how it goes on."""

from typing import Annotated, ClassVar, Literal

import msgspec

from shared.messages.contract import (
    Count,
    Currency,
    Event,
    ExternalId,
    Label,
    Minor,
    Part,
    Timestamp,
    WeirId,
    normalise,
)


class ChannelPayment(Part, frozen=True, kw_only=True, gc=False):
    """One payment of the buyer at a channel; `fee_minor` is what the channel keeps of it.

    `merchant` is whose part of the order it pays, where each seller is paid by itself (combined payment, 合单).
    """

    channel_profile: ExternalId
    channel_account: ExternalId
    channel_payment_id: ExternalId
    amount_minor: Minor
    fee_minor: Minor = 0
    merchant: ExternalId | msgspec.UnsetType = msgspec.UNSET


class OrderLine(Part, frozen=True, kw_only=True, gc=False):
    """Goods of one merchant. `amount_minor` is the line total without freight; the settlement price is per unit."""

    line_id: ExternalId
    sku: ExternalId
    category: Label
    merchant: ExternalId
    quantity: Count
    amount_minor: Minor
    freight_minor: Minor = 0
    settlement_price_minor: Minor | None = None


class Adjustment(Part, frozen=True, kw_only=True, gc=False):
    """What makes paid differ from the lines: discount < 0, subsidy < 0 (platform-borne), surcharge > 0.

    `party` bears or gets it: `platform:marketing`, `platform:fee` or `merchant:<id>`.
    """

    kind: Literal["discount", "subsidy", "surcharge"]
    amount_minor: Minor
    party: WeirId
    line_id: ExternalId | None = None


class ExtraReceiver(Part, frozen=True, kw_only=True, gc=False):
    """Somebody who is paid out of another's share.

    `parent` is whose: `merchant:<id>` (that merchant's net share of this order), `freight` (the freight that
    agreements give to the logistics chain) or `receiver:<id>` (another extra receiver of this order).
    `value` is basis points of the parent's share (`percent`), minor units (`fixed`), and not used by `remainder`.
    """

    receiver: ExternalId
    parent: WeirId
    share: Literal["percent", "fixed", "remainder"]
    value: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] = 0


class PaidOrder(Event, frozen=True, kw_only=True, gc=False):
    """The facts of a paid order, as order-paid claims them and split-requested carries them once they are proved."""

    order_id: ExternalId
    buyer: ExternalId
    currency: Currency
    paid_at: Timestamp
    payments: Annotated[tuple[ChannelPayment, ...], msgspec.Meta(min_length=1, max_length=32)]
    lines: Annotated[tuple[OrderLine, ...], msgspec.Meta(min_length=1, max_length=500)]
    adjustments: Annotated[tuple[Adjustment, ...], msgspec.Meta(max_length=500)] = ()
    receivers: Annotated[tuple[ExtraReceiver, ...], msgspec.Meta(max_length=500)] = ()

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "paid_at")

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """An order is paid once, and split once."""
        return self.order_id


class OrderPaid(PaidOrder, frozen=True, kw_only=True, gc=False):
    """A buyer has paid an order. The sum of lines, freight and adjustments must equal the sum of payments."""

    topic: ClassVar[str] = "order-paid"
    type: ClassVar[str] = "weir.order-paid.v1"
    from_upstream: ClassVar[bool] = True


class OrderProgressed(Event, frozen=True, kw_only=True, gc=False):
    """Goods were shipped, delivered, accepted for good (`completed`) or called off. No lines named: all of them.

    `progress_id` is the upstream's number of the event, such as that of a shipment or of a cancellation.
    """

    topic: ClassVar[str] = "order-progressed"
    type: ClassVar[str] = "weir.order-progressed.v1"
    from_upstream: ClassVar[bool] = True

    order_id: ExternalId
    kind: Literal["shipped", "delivered", "completed", "cancelled"]
    progress_id: ExternalId
    line_ids: Annotated[tuple[ExternalId, ...], msgspec.Meta(max_length=500)] = ()
    occurred_at: Timestamp

    def __post_init__(self) -> None:
        """Hold times in UTC."""
        normalise(self, "occurred_at")

    @property
    def key(self) -> str:
        """All events of one order stay in order."""
        return f"{self.marketplace}/{self.order_id}"

    @property
    def identity(self) -> str:
        """Each shipment, delivery or cancellation once."""
        return f"{self.order_id}/{self.kind}/{self.progress_id}"
