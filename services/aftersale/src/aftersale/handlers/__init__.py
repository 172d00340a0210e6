"""Use cases of aftersale. Each one reads load, decide, record."""

from aftersale.handlers.merchants import MerchantHandlers
from aftersale.handlers.orders import OrderHandlers

__all__ = ["MerchantHandlers", "OrderHandlers"]
