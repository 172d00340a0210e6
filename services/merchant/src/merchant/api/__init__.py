"""HTTP in: merchants, their agreements and their statements. No rule lives here."""

from fastapi import APIRouter

from merchant.api import merchants, statements
from merchant.handlers import MerchantHandlers
from merchant.store.merchants import Merchants
from merchant.store.statements import Statements
from shared.marketplaces import Marketplaces


def routes(change: MerchantHandlers, stored: Merchants, lines: Statements, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of merchant."""
    router = APIRouter(prefix="/v1/marketplaces/{marketplace}")
    merchants.change_routes(router, change, marketplaces)
    merchants.read_routes(router, stored, marketplaces)
    statements.routes(router, lines, marketplaces)
    return router
