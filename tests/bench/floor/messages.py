"""The four messages of the main flow as bare structs: the fields of shared/messages, none of its checks."""

from datetime import datetime
from typing import Any

import msgspec


class Payment(msgspec.Struct, kw_only=True, gc=False):
    """A buyer's payment."""

    channel_profile: str
    channel_account: str
    channel_payment_id: str
    amount_minor: int
    fee_minor: int


class Line(msgspec.Struct, kw_only=True, gc=False):
    """Goods of one merchant."""

    line_id: str
    sku: str
    category: str
    merchant: str
    quantity: int
    amount_minor: int
    freight_minor: int
    settlement_price_minor: int | None


class Order(msgspec.Struct, kw_only=True, gc=False):
    """Order-paid and split-requested."""

    marketplace: str
    order_id: str
    buyer: str
    currency: str
    paid_at: datetime
    payments: list[Payment]
    lines: list[Line]
    adjustments: list[Any]
    receivers: list[Any]


class Breakdown(msgspec.Struct, kw_only=True, gc=False):
    """Why a leg has its amount."""

    gross_minor: int = 0
    freight_minor: int = 0
    adjustments_minor: int = 0
    commission_minor: int = 0
    fee_minor: int = 0
    passed_on_minor: int = 0


class Leg(msgspec.Struct, kw_only=True, gc=False):
    """What one receiver is to get."""

    leg_id: str
    receiver: str
    amount_minor: int
    attempt: int = 1
    breakdown: Breakdown


class PayoutRequested(msgspec.Struct, kw_only=True, gc=False):
    """The legs of an order."""

    marketplace: str
    payout_id: str
    document: str
    kind: str = "pay"
    currency: str
    channel_profile: str
    channel_account: str
    legs: list[Leg]
    subsidies: list[Any] = []


class LegOutcome(msgspec.Struct, kw_only=True, gc=False):
    """What became of a leg."""

    leg_id: str
    receiver: str
    amount_minor: int
    attempt: int
    state: str
    channel_number: str
    reason: str | None
    breakdown: Breakdown


class PayoutSettled(msgspec.Struct, kw_only=True, gc=False):
    """The legs of an order, paid."""

    marketplace: str
    payout_id: str
    document: str
    kind: str = "pay"
    revision: int = 1
    currency: str
    channel_profile: str
    channel_account: str
    settled_at: datetime
    legs: list[LegOutcome]
    subsidies: list[Any] = []


class Agreement(msgspec.Struct, kw_only=True, gc=False):
    """Of an agreement, what the floor calculates with."""

    commission_bp: int


class Merchant(msgspec.Struct, kw_only=True, gc=False):
    """Split's copy of a merchant."""

    merchant: str
    agreements: list[Agreement]


encode = msgspec.json.Encoder().encode
order = msgspec.json.Decoder(Order).decode
payout = msgspec.json.Decoder(PayoutRequested).decode
settled = msgspec.json.Decoder(PayoutSettled).decode
merchant = msgspec.json.Decoder(Merchant).decode
