"""Use cases. Each one reads load, decide, record; none of them talks to an institution."""

from payments.handlers.doubts import Doubts
from payments.handlers.ingress import Ingress
from payments.handlers.merchants import MerchantHandlers
from payments.handlers.orders import OrderHandlers
from payments.handlers.payouts import PayoutHandlers
from payments.handlers.refunds import RefundHandlers

__all__ = ["Doubts", "Ingress", "MerchantHandlers", "OrderHandlers", "PayoutHandlers", "RefundHandlers"]
