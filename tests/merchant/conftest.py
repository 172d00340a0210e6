"""Merchant on a real MongoDB, with the kit's own commits; only Kafka is a list."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.merchant.examples import LEAD
from tests.merchant.published import Published

from merchant import store
from merchant.app import Parts, assemble
from shared import http, leases, mongo, outbox, parking
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.metrics import KitMetrics
from shared.mongo import Database

MARKETPLACES = Path(__file__).parents[2] / "deploy" / "marketplaces.yaml"


@pytest.fixture
async def database(mongo_url: str, database_name: str) -> AsyncIterator[Database]:
    client = mongo.connect(mongo_url)
    database = client[database_name]
    await mongo.prepare(database, {**store.INDEXES, **outbox.INDEXES, **parking.INDEXES, leases.COLLECTION: []})
    yield database
    client.close()


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def commits(database: Database, published: Published) -> Commits:
    return Commits("merchant", database.client, database, published, KitMetrics())


@pytest.fixture
def marketplaces() -> Marketplaces:
    return Marketplaces.load(MARKETPLACES)


@pytest.fixture
def parts(database: Database, commits: Commits, marketplaces: Marketplaces) -> Parts:
    return assemble(database, commits, marketplaces, LEAD)


@pytest.fixture
def app(parts: Parts) -> FastAPI:
    app = FastAPI(title="Weir merchant", responses=http.PROBLEMS)
    http.install(app)
    app.include_router(parts.router)
    return app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a connection to the service; paths begin with a marketplace."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://merchant/v1/marketplaces/") as client:
        yield client
