"""HTTP in: orders, payouts, refunds, and what institutions tell of by themselves. No rule lives here."""

from fastapi import APIRouter

from payments.api import orders, refunds
from payments.api.orders import Received, Stores
from payments.handlers import Doubts, Ingress
from shared.marketplaces import Marketplaces

__all__ = ["Received", "Stores", "routes"]


def routes(ingress: Ingress, doubts: Doubts, stores: Stores, marketplaces: Marketplaces) -> APIRouter:
    """Return the routes of payments."""
    router = APIRouter()
    router.include_router(orders.routes(ingress, doubts, stores, marketplaces))
    router.include_router(refunds.routes(doubts, stores.refunds, marketplaces))
    return router
