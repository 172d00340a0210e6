"""Kafka in: which topic goes to which use case. No rule lives here."""

from aftersale.handlers import MerchantHandlers, OrderHandlers
from shared.messages import MerchantChanged, OrderPaid, OrderRejected
from shared.service import Intakes


def consumers(intake: Intakes, orders: OrderHandlers, merchants: MerchantHandlers) -> None:
    """Subscribe aftersale to its topics."""
    intake.take(OrderPaid, orders.copy_orders)
    intake.take(OrderRejected, orders.reject_orders)
    intake.take(MerchantChanged, merchants.copy_merchants)
