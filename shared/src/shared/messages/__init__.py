"""The contracts between services, one module per topic owner: fast readers here, their pydantic twins in `models`."""

from shared.messages.contract import Event, body_hash, decode, encode
from shared.messages.merchant import Agreement, CategoryRate, CommissionLimit, MerchantChanged
from shared.messages.payments import LegOutcome, OrderRejected, PayoutSettled, SplitRequested, SubsidyOutcome
from shared.messages.split import Breakdown, Leg, PayoutRequested, Subsidy
from shared.messages.upstream import Adjustment, ChannelPayment, ExtraReceiver, OrderLine, OrderPaid, PaidOrder

EVENTS: tuple[type[Event], ...] = (
    OrderPaid,
    OrderRejected,
    SplitRequested,
    PayoutRequested,
    PayoutSettled,
    MerchantChanged,
)
"""Every contract in force, in the order in which an order meets them."""

__all__ = [
    "EVENTS",
    "Adjustment",
    "Agreement",
    "Breakdown",
    "CategoryRate",
    "ChannelPayment",
    "CommissionLimit",
    "Event",
    "ExtraReceiver",
    "Leg",
    "LegOutcome",
    "MerchantChanged",
    "OrderLine",
    "OrderPaid",
    "OrderRejected",
    "PaidOrder",
    "PayoutRequested",
    "PayoutSettled",
    "SplitRequested",
    "Subsidy",
    "SubsidyOutcome",
    "body_hash",
    "decode",
    "encode",
]
