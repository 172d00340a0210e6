"""Kafka in: which topic goes to which use case. No rule lives here."""

from shared.messages import (
    CaseChanged,
    ChannelMoved,
    MerchantChanged,
    OrderProgressed,
    PayoutSettled,
    RefundApproved,
    RefundSettled,
    SplitRequested,
)
from shared.service import Intakes
from split.handlers import (
    FactHandlers,
    MerchantHandlers,
    MovementHandlers,
    OrderHandlers,
    PayoutHandlers,
    RefundHandlers,
)


def consumers(
    intake: Intakes,
    orders: OrderHandlers,
    payouts: PayoutHandlers,
    merchants: MerchantHandlers,
    facts: FactHandlers,
    refunds: RefundHandlers,
    movements: MovementHandlers,
) -> None:
    """Subscribe split to its topics."""
    intake.take(SplitRequested, orders.split_orders)
    intake.take(PayoutSettled, payouts.post_payouts)
    intake.take(MerchantChanged, merchants.copy_merchants)
    intake.take(OrderProgressed, facts.progress_orders)
    intake.take(CaseChanged, facts.freeze_orders)
    intake.take(RefundApproved, facts.approve_refunds)
    intake.take(RefundSettled, refunds.post_refunds)
    intake.take(ChannelMoved, movements.post_movements)
