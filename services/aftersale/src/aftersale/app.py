"""Composition root: everything is wired here by hand, nothing at import time."""

from fastapi import FastAPI

from aftersale import api, store
from aftersale.consumers import consumers
from aftersale.handlers import MerchantHandlers, OrderHandlers
from aftersale.settings import Settings
from aftersale.store.merchants import Merchants
from aftersale.store.orders import Orders
from shared.service import Service
from shared.settings import load


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service; `python -m uvicorn --factory aftersale.app:create_app` runs it."""
    settings = settings or load(Settings)
    service = Service("aftersale", settings, store.INDEXES)
    orders = Orders(service.database)
    consumers(service.intake, OrderHandlers(orders), MerchantHandlers(Merchants(service.database)))
    service.app.include_router(api.routes(orders, service.marketplaces))
    return service.app
