"""Use cases. Each one reads load, decide, record."""

from split.handlers.merchants import MerchantHandlers
from split.handlers.orders import OrderHandlers
from split.handlers.payouts import PayoutHandlers
from split.handlers.releases import Releases

__all__ = ["MerchantHandlers", "OrderHandlers", "PayoutHandlers", "Releases"]
