"""Use cases of merchant. Each one reads load, decide, record."""

from merchant.handlers.merchants import MerchantHandlers
from merchant.handlers.statements import StatementHandlers

__all__ = ["MerchantHandlers", "StatementHandlers"]
