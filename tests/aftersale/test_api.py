"""The copy of an order over HTTP, and that whatever else is asked is answered as the document says."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from tests.aftersale.examples import order, received, rejection
from tests.aftersale.handlers.test_orders import pay, reject
from tests.shared import hostile

from aftersale import api, store
from aftersale.store.orders import Orders
from shared import http, mongo
from shared.commits import Commits
from shared.marketplaces import Marketplaces

pytestmark = pytest.mark.infra


def app_of(orders: Orders, marketplaces: Marketplaces) -> FastAPI:
    app = FastAPI(title="Weir aftersale", responses=http.PROBLEMS)
    http.install(app)
    app.include_router(api.routes(orders, marketplaces))
    return app


@pytest.fixture
async def client(orders: Orders, marketplaces: Marketplaces) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app_of(orders, marketplaces), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://aftersale/v1/marketplaces/") as client:
        yield client


async def test_a_paid_order_is_shown_with_its_lines_and_amounts(
    client: httpx.AsyncClient, commits: Commits, orders: Orders
) -> None:
    await pay(commits, orders, received(order()))
    answer = await client.get("test-shop/orders/o-1")
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["state"], shown["rejection"]) == ("paid", None)
    assert (shown["order"]["currency"], shown["order"]["paid_at"]) == ("EUR", "2026-03-01T12:00:00Z")
    assert [(it["merchant"], it["amount_minor"], it["freight_minor"]) for it in shown["order"]["lines"]] == [
        ("alice", 1_000, 200)
    ]
    assert [it["amount_minor"] for it in shown["order"]["payments"]] == [1_200]


async def test_a_rejected_order_is_shown_with_the_reason_also_before_it_came(
    client: httpx.AsyncClient, commits: Commits, orders: Orders
) -> None:
    await reject(commits, orders, received(rejection()))
    before = (await client.get("test-shop/orders/o-1")).json()
    await pay(commits, orders, received(order()))
    shown = (await client.get("test-shop/orders/o-1")).json()
    assert (before["state"], before["order"]) == ("rejected", None)
    assert (shown["state"], shown["order"]["order_id"]) == ("rejected", "o-1")
    refusal = {"reason": "amount_mismatch", "detail": "1 != 2", "rejected_at": "2026-03-01T12:00:00.500000Z"}
    assert before["rejection"] == shown["rejection"] == refusal


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("test-shop/orders/o-9", 404, "order_unknown"),
        ("test-other/orders/o-1", 404, "order_unknown"),
        ("nowhere/orders/o-1", 404, "marketplace_unknown"),
        ("test-shop/orders/o%0A", 422, "contract"),
        ("test-shop/orders", 404, "route_unknown"),
    ],
)
async def test_what_is_not_there_is_said_in_one_form(
    client: httpx.AsyncClient, commits: Commits, orders: Orders, path: str, status: int, reason: str
) -> None:
    await pay(commits, orders, received(order()))
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"


def test_no_request_makes_aftersale_fail(marketplaces: Marketplaces, mongo_url: str, database_name: str) -> None:
    async def begin() -> tuple[FastAPI, mongo.Client]:
        mongo_client = mongo.connect(mongo_url)
        database = mongo_client[database_name]
        await mongo.prepare(database, store.INDEXES)
        return app_of(Orders(database), marketplaces), mongo_client

    with asyncio.Runner() as runner:
        app, mongo_client = runner.run(begin())
        assert hostile.attack(app, runner, {"marketplace": "test-shop"}) > 10
        mongo_client.close()
