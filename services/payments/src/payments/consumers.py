"""Kafka in: which topic goes to which use case. No rule lives here."""

from payments.handlers import MerchantHandlers, OrderHandlers, PayoutHandlers
from shared.messages import MerchantChanged, OrderPaid, PayoutRequested
from shared.service import Intakes


def consumers(intake: Intakes, orders: OrderHandlers, payouts: PayoutHandlers, merchants: MerchantHandlers) -> None:
    """Subscribe payments to its topics."""
    intake.take(OrderPaid, orders.take_orders)
    intake.take(PayoutRequested, payouts.take_payouts)
    intake.take(MerchantChanged, merchants.copy_merchants)
