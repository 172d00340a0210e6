"""Whatever is sent to split over HTTP, it answers as its document says."""

import asyncio

import pytest
from fastapi import FastAPI
from tests.shared import hostile
from tests.split.examples import agreement, merchant, paid_order
from tests.split.replica import Replica

from shared import http, mongo, outbox, parking
from split import store

pytestmark = pytest.mark.infra


def test_no_request_makes_split_fail(mongo_url: str, database_name: str) -> None:
    app = FastAPI(title="Weir split", responses=http.PROBLEMS)
    http.install(app)

    async def begin() -> mongo.Client:
        client = mongo.connect(mongo_url)
        database = client[database_name]
        await mongo.prepare(database, {**store.INDEXES, **outbox.INDEXES, **parking.INDEXES})
        replica = Replica(database)
        await replica.take(merchant("m1", agreement()), paid_order())
        app.include_router(replica.parts.router)
        _without_slashes(app)
        return client

    with asyncio.Runner() as runner:
        client = runner.run(begin())
        known = {"marketplace": "test-a", "order_id": "1", "account": "merchant:in_transit/m1", "currency": "BRL"}
        assert hostile.attack(app, runner, known) > 100
        client.close()


def _without_slashes(app: FastAPI) -> None:
    """Offer account names without a slash: the attacker cannot put one into a path; test_routes.py has the others."""
    for path in app.openapi()["paths"].values():
        for parameter in path.get("get", {}).get("parameters", ()):
            if parameter["name"] == "account":
                parameter["schema"] = {"type": "string", "enum": ["platform:commission", "merchant:", "platform:x"]}
