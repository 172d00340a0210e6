"""Composition root: everything is wired here by hand, nothing at import time."""

from dataclasses import dataclass
from datetime import timedelta

from fastapi import APIRouter, FastAPI

from merchant import api, store
from merchant.consumers import consumers
from merchant.handlers import MerchantHandlers, StatementHandlers
from merchant.settings import Settings
from merchant.store.merchants import Merchants
from merchant.store.statements import Statements
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.mongo import Database
from shared.service import Service
from shared.settings import load


@dataclass(frozen=True)
class Parts:
    """Merchant without Kafka and a server: its use cases and its routes."""

    change_merchants: MerchantHandlers
    keep_statements: StatementHandlers
    router: APIRouter


def assemble(database: Database, commits: Commits, marketplaces: Marketplaces, lead: timedelta) -> Parts:
    """Wire the parts."""
    merchants, statements = Merchants(database), Statements(database)
    change_merchants = MerchantHandlers(merchants, commits, lead)
    return Parts(
        change_merchants=change_merchants,
        keep_statements=StatementHandlers(statements),
        router=api.routes(change_merchants, merchants, statements, marketplaces),
    )


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the service; `python -m uvicorn --factory merchant.app:create_app` runs it."""
    settings = settings or load(Settings)
    service = Service("merchant", settings, store.INDEXES)
    lead = timedelta(seconds=settings.agreement_lead_s)
    parts = assemble(service.database, service.commits, service.marketplaces, lead)
    consumers(service.intake, parts.keep_statements)
    service.app.include_router(parts.router)
    return service.app
