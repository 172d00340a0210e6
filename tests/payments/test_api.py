"""HTTP: an order comes in, its status says where it stands, and what is wrong is said with a 4xx."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.payments.edge import Edge, Institution, until
from tests.payments.examples import discount, leg, order, payment, payout, subsidy

from payments import api
from shared import http
from shared.messages import OrderPaid, encode

ORDERS = "/v1/marketplaces/test-shop/orders"


@pytest.fixture
async def client(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    http.install(app)
    app.include_router(api.routes(edge.parts.ingress, edge.parts.doubts, edge.parts.stores, edge.marketplaces))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://payments") as client:
        yield client


async def post(client: httpx.AsyncClient, body: OrderPaid | bytes, path: str = ORDERS) -> httpx.Response:
    content = body if isinstance(body, bytes) else encode(body)
    return await client.post(path, content=content, headers={"content-type": "application/json"})


async def status(client: httpx.AsyncClient, identity: str = "o-1") -> dict[str, Any]:
    response = await client.get(f"{ORDERS}/{identity}/status")
    assert response.status_code == 200
    body: dict[str, Any] = response.json()
    return body


async def test_an_order_is_accepted_for_judging_with_the_url_of_its_status(
    client: httpx.AsyncClient, edge: Edge
) -> None:
    first, again = await post(client, order()), await post(client, order())
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert (first.status_code, first.json()["state"]) == (202, "received")
    assert first.headers["location"] == first.json()["status_url"] == f"{ORDERS}/o-1/status"
    assert edge.published.events(OrderPaid) == [order()]


@pytest.mark.parametrize("identity", ["a?b", "a#b", "a%2Fb", "100%"])
async def test_the_status_url_leads_to_the_order_whatever_its_id_holds(
    client: httpx.AsyncClient, identity: str
) -> None:
    url = (await post(client, order(identity))).json()["status_url"]
    assert (await client.get(url)).json()["order_id"] == identity


async def test_another_body_under_the_same_id_is_a_conflict(client: httpx.AsyncClient) -> None:
    await post(client, order())
    refused = await post(client, order(buyer="b-2"))
    assert (refused.status_code, refused.json()["reason"]) == (409, "order_conflict")
    assert refused.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        (b"{", 400, "not_json"),
        (b"\xff\xfe", 400, None),
        (b"[]", 422, "contract"),
        (b"null", 422, "contract"),
        (b"{}", 422, "contract"),
        (encode(order()).replace(b"1200", b"1200.5"), 422, "contract"),
        (encode(order()).replace(b"1200", b'"1200"'), 422, "contract"),
        (encode(order()).replace(b"1200", b"NaN"), 422, "contract"),
        (encode(order()).replace(b'"o-1"', b'"o/1"'), 422, "contract"),
        (encode(order()).replace(b'"o-1"', b'"o\\u0000"'), 422, "contract"),
        (encode(order()).replace(b'"lines":[', b'"lines":[],"was":['), 422, "contract"),
        (encode(order(marketplace="test-other")), 422, "marketplace_differs"),
        (b'"' + b"x" * 1_048_576 + b'"', 413, "body_too_large"),
    ],
)
async def test_a_body_that_is_no_order_is_refused_with_the_reason(
    client: httpx.AsyncClient, edge: Edge, body: bytes, code: int, reason: str | None
) -> None:
    refused = await post(client, body)
    assert refused.status_code == code
    assert reason is None or refused.json()["reason"] == reason
    assert edge.published.records == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/v1/marketplaces/nowhere/orders/o-1/status", "marketplace_unknown"),
        (f"{ORDERS}/o-1/status", "order_unknown"),
        ("/v1/marketplaces/test-shop/payouts/o:o-1.1", "payout_unknown"),
        ("/v1/marketplaces/test-shop/nothing", "route_unknown"),
    ],
)
async def test_what_is_not_there_is_said_to_be_unknown(client: httpx.AsyncClient, path: str, reason: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()["reason"]) == (404, reason)


async def test_an_order_of_an_unknown_marketplace_is_not_taken(client: httpx.AsyncClient) -> None:
    refused = await post(client, order(marketplace="nowhere"), "/v1/marketplaces/nowhere/orders")
    assert (refused.status_code, refused.json()["reason"]) == (404, "marketplace_unknown")


async def test_the_status_follows_an_order_until_it_is_settled(
    client: httpx.AsyncClient, edge: Edge, institution: Institution
) -> None:
    await post(client, order())
    assert (await status(client))["state"] == "received"
    await edge.take(order())
    await until(lambda: status(client), lambda it: it["state"] == "unverified")
    await institution.pay(payment("pay-o-1", fee_minor=12))
    await edge.let_time_pass()
    accepted = await until(lambda: status(client), lambda it: it["state"] == "accepted")
    assert (accepted["paid_minor"], accepted["unpaid_minor"], accepted["settled_at"]) == (1_200, 1_188, None)
    await edge.take(payout(legs=(leg(amount_minor=1_080), leg(path="platform:commission", amount_minor=108))))
    settled = await until(lambda: status(client), lambda it: it["state"] == "settled")
    assert (settled["unpaid_minor"], settled["payouts"][0]["payout_id"]) == (0, "o:o-1.1")
    assert settled["received_at"] <= settled["proved_at"] <= settled["settled_at"]


async def test_an_order_is_not_settled_while_a_share_is_not_paid(
    client: httpx.AsyncClient, edge: Edge, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-1"))
    await edge.take(order(), order("o-1.1"))
    await edge.order_in("accepted")
    await edge.take(payout(legs=(leg(amount_minor=1_000),)))
    await edge.payout_in("final")
    shown = await status(client)
    assert (shown["state"], shown["unpaid_minor"], len(shown["payouts"])) == ("accepted", 200, 1)
    assert (await status(client, "o-1.1"))["payouts"] == []


async def test_an_order_that_cost_the_buyer_nothing_is_settled_once_the_platform_has_paid_it(
    client: httpx.AsyncClient, edge: Edge, institution: Institution
) -> None:
    await edge.take(order(payments=(payment(amount_minor=0),), adjustments=(discount(-1_200),)))
    assert ((await status(client))["state"], (await status(client))["unpaid_minor"]) == ("accepted", 0)
    await institution.fund(1_200)
    await edge.take(payout(subsidies=(subsidy(1_200),)))
    await until(lambda: status(client), lambda it: it["state"] == "settled")


async def test_a_refused_order_says_why(client: httpx.AsyncClient, edge: Edge) -> None:
    await edge.take(order(currency="XXX"))
    shown = await status(client)
    assert (shown["state"], shown["reason"]) == ("rejected", "currency_unknown")


async def test_a_payout_is_shown_with_its_legs(client: httpx.AsyncClient, edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    await edge.order_in("accepted")
    await edge.take(payout())
    await edge.payout_in("final")
    shown = (await client.get("/v1/marketplaces/test-shop/payouts/o:o-1.1")).json()
    assert (shown["state"], shown["amount_minor"], shown["waits"]) == ("final", 1_200, None)
    assert [it["state"] for it in shown["legs"]] == ["succeeded"] * 2
