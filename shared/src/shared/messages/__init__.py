"""The contracts between services, one module per topic owner: fast readers here, their pydantic twins in `models`."""

from shared.messages.aftersale import CaseChanged, RefundApproved, RefundLine
from shared.messages.bindings import BindingRequested, BindingSettled
from shared.messages.contract import Event, body_hash, decode, encode
from shared.messages.merchant import Agreement, CategoryRate, MerchantChanged, PayoutLimit, PayoutTerms
from shared.messages.payments import (
    ChannelMoved,
    FundingOutcome,
    LegOutcome,
    OrderRejected,
    PayoutSettled,
    RefundOutcome,
    RefundSettled,
    ReturnOutcome,
    SplitRequested,
    SubsidyOutcome,
)
from shared.messages.rules import CommissionLimit, FixedFee, Rule, Tier, Volume
from shared.messages.split import (
    Breakdown,
    BuyerRefund,
    Funding,
    Leg,
    PayoutRequested,
    RefundRequested,
    ReturnLeg,
    Subsidy,
)
from shared.messages.upstream import (
    Adjustment,
    ChannelPayment,
    ExtraReceiver,
    OrderLine,
    OrderPaid,
    OrderProgressed,
    PaidOrder,
)

EVENTS: tuple[type[Event], ...] = (
    OrderPaid,
    OrderRejected,
    SplitRequested,
    PayoutRequested,
    PayoutSettled,
    MerchantChanged,
    OrderProgressed,
    CaseChanged,
    RefundApproved,
    RefundRequested,
    RefundSettled,
    ChannelMoved,
    BindingRequested,
    BindingSettled,
)
"""Every contract in force, in the order in which an order meets them."""

__all__ = [
    "EVENTS",
    "Adjustment",
    "Agreement",
    "BindingRequested",
    "BindingSettled",
    "Breakdown",
    "BuyerRefund",
    "CaseChanged",
    "CategoryRate",
    "ChannelMoved",
    "ChannelPayment",
    "CommissionLimit",
    "Event",
    "ExtraReceiver",
    "FixedFee",
    "Funding",
    "FundingOutcome",
    "Leg",
    "LegOutcome",
    "MerchantChanged",
    "OrderLine",
    "OrderPaid",
    "OrderProgressed",
    "OrderRejected",
    "PaidOrder",
    "PayoutLimit",
    "PayoutRequested",
    "PayoutSettled",
    "PayoutTerms",
    "RefundApproved",
    "RefundLine",
    "RefundOutcome",
    "RefundRequested",
    "RefundSettled",
    "ReturnLeg",
    "ReturnOutcome",
    "Rule",
    "SplitRequested",
    "Subsidy",
    "SubsidyOutcome",
    "Tier",
    "Volume",
    "body_hash",
    "decode",
    "encode",
]
