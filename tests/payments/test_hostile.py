"""Whatever is sent to payments over HTTP, it answers as its document says."""

import asyncio

import pytest
from fastapi import FastAPI
from tests.payments.edge import Edge
from tests.payments.examples import order, payout, plan
from tests.shared import hostile

from payments import api
from payments.channels.sandbox import SandboxChannel
from shared import http, mongo

pytestmark = pytest.mark.infra


def test_no_request_makes_payments_fail(mongo_url: str, prepared: str) -> None:
    app = FastAPI(title="Weir payments", responses=http.PROBLEMS)
    http.install(app)

    async def begin() -> Edge:
        client = mongo.connect(mongo_url)
        edge = Edge(client[prepared], SandboxChannel("http://127.0.0.1:1", timeout_s=1))
        await edge.take(order())
        await edge.take(payout())
        await edge.take(plan(refused="line_unknown", returns=(), fundings=(), refunds=()))
        app.include_router(api.routes(edge.parts.ingress, edge.parts.doubts, edge.parts.stores, edge.marketplaces))
        return edge

    with asyncio.Runner() as runner:
        edge = runner.run(begin())
        known = {"marketplace": "test-shop", "order_id": "o-1", "payout_id": "o:o-1.1", "refund_id": "r-1"}
        assert hostile.attack(app, runner, known) > 100
        runner.run(edge.stop())
        edge.database.client.close()
