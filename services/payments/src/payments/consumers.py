"""Kafka in: which topic goes to which use case. No rule lives here."""

from payments.handlers import MerchantHandlers, OrderHandlers, PayoutHandlers, RefundHandlers
from payments.handlers.bindings import BindingHandlers
from shared.messages import BindingRequested, MerchantChanged, OrderPaid, PayoutRequested, RefundRequested
from shared.service import Intakes


def consumers(
    intake: Intakes,
    orders: OrderHandlers,
    payouts: PayoutHandlers,
    refunds: RefundHandlers,
    merchants: MerchantHandlers,
    bindings: BindingHandlers,
) -> None:
    """Subscribe payments to its topics."""
    intake.take(OrderPaid, orders.take_orders)
    intake.take(PayoutRequested, payouts.take_payouts)
    intake.take(RefundRequested, refunds.take_refunds)
    intake.take(MerchantChanged, merchants.copy_merchants)
    intake.take(BindingRequested, bindings.take_bindings)
