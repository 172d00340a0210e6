"""Whatever is sent to the routes of institutions, bindings and cases, they answer as their document says."""

import asyncio
from pathlib import Path

import pytest
from tests.payments.edge import Edge
from tests.payments.signals.ear import Ear
from tests.payments.signals.test_bindings import Bank, requested
from tests.shared import hostile

from payments.api import bindings as api
from payments.channels.sandbox import SandboxChannel
from payments.store.bindings import Bindings
from shared import mongo

pytestmark = pytest.mark.infra


def test_no_request_makes_them_fail(mongo_url: str, prepared: str, tmp_path: Path) -> None:
    async def begin() -> Ear:
        client = mongo.connect(mongo_url)
        ear = Ear(Edge(client[prepared], SandboxChannel("http://127.0.0.1:1", timeout_s=1)), tmp_path)
        await Bank(ear).take(requested())
        ear.app.include_router(api.routes(ear.parts.answers, Bindings(ear.database), ear.edge.marketplaces))
        return ear

    with asyncio.Runner() as runner:
        ear = runner.run(begin())
        known = {"marketplace": "test-shop", "binding_id": "b-1", "profile": "sandbox-direct", "account": "test-shop"}
        assert hostile.attack(ear.app, runner, known) > 100
        runner.run(ear.edge.stop())
        ear.database.client.close()
