"""Whatever is sent to merchant over HTTP, it answers as its document says."""

import asyncio

import pytest
from fastapi import FastAPI
from tests.merchant.examples import FACTS, LEAD, PROFILE, terms
from tests.merchant.published import Published
from tests.shared import hostile

from merchant import store
from merchant.app import assemble
from merchant.domain.merchants import Draft
from shared import http, mongo, outbox
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.metrics import KitMetrics

pytestmark = pytest.mark.infra


def test_no_request_makes_merchant_fail(marketplaces: Marketplaces, mongo_url: str, database_name: str) -> None:
    app = FastAPI(title="Weir merchant", responses=http.PROBLEMS)
    http.install(app)

    async def begin() -> mongo.Client:
        client = mongo.connect(mongo_url)
        database = client[database_name]
        await mongo.prepare(database, {**store.INDEXES, **outbox.INDEXES})
        commits = Commits("merchant", client, database, Published(), KitMetrics())
        parts = assemble(database, commits, marketplaces, LEAD)
        shop = marketplaces.find("test-shop")
        assert shop is not None
        await parts.change_merchants.change(shop, [Draft("alice", FACTS, terms())])
        app.include_router(parts.router)
        return client

    with asyncio.Runner() as runner:
        client = runner.run(begin())
        known = {"marketplace": "test-shop", "merchant": "alice", "name": "Alice", "channel_profile": PROFILE}
        assert hostile.attack(app, runner, known) > 100
        client.close()
