"""Stories of the main flow through the whole cluster, as a reader of README would try them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Market, opened, until

pytestmark = pytest.mark.infra


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with opened(cluster) as it:
        yield it


async def test_a_paid_order_ends_in_its_receivers_accounts_and_on_the_statement(market: Market) -> None:
    await market.merchant()
    order = market.order(amount_minor=10_000)
    await market.pay(order)
    await market.publish(order)
    status = await market.reaches(order, "settled")

    assert status["paid_minor"] == 10_000
    assert await market.pockets() == {"pool": 0, "merchant:acme": 9_000, "platform:commission": 1_000}
    lines = await until(
        lambda: _json(market, "merchant", "merchants/acme/statement-lines"), lambda it: bool(it["entries"])
    )
    assert {it["kind"]: it["amount_minor"] for it in lines["entries"][0]["lines"] if it["amount_minor"]} == {
        "gross": 10_000,
        "commission": -1_000,
    }
    copy = await _json(market, "aftersale", f"orders/{order['order_id']}")
    assert copy["state"] == "paid"


async def test_an_order_of_an_unknown_merchant_waits_and_is_paid_once_the_agreement_comes(market: Market) -> None:
    order = market.order(merchant="newcomer")
    await market.pay(order)
    await market.publish(order)
    await market.held(order, "merchant_unknown")
    assert (await market.status(order))["state"] == "accepted"

    await market.merchant("newcomer")
    await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:newcomer"] == 9_000


async def test_one_unknown_merchant_does_not_keep_the_others_waiting(market: Market) -> None:
    await market.merchant("acme")
    line = market.order(amount_minor=6_000)["lines"][0]
    order = market.order(amount_minor=10_000)
    order["lines"] = [line, line | {"line_id": "2", "merchant": "stranger", "amount_minor": 4_000}]
    await market.pay(order)
    await market.publish(order)
    await until(market.pockets, lambda it: it.get("merchant:acme") == 5_400)
    assert (await market.pockets())["pool"] == 4_000
    await market.held(order, "merchant_unknown")


async def test_a_discount_that_the_platform_bears_is_paid_from_its_marketing_money(market: Market) -> None:
    await market.merchant()
    order = market.order(amount_minor=10_000)
    order["payments"][0]["amount_minor"] = 9_500
    order["adjustments"] = [{"kind": "discount", "amount_minor": -500, "party": "platform:marketing"}]
    await market.pay(order)
    await market.publish(order)
    await until(
        lambda: market.status(order), lambda it: [p["waits"] for p in it.get("payouts", [])] == ["waiting_funds"]
    )

    await market.fund(500)
    await market.reaches(order, "settled")
    assert await market.pockets() == {
        "pool": 0,
        "platform:marketing": 0,
        "merchant:acme": 9_000,
        "platform:commission": 1_000,
    }


async def test_a_sale_that_is_all_commission_stands_on_its_merchants_statement(market: Market) -> None:
    await market.merchant(commission_bp=10_000)
    order = market.order(amount_minor=10_000)
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "platform:commission": 10_000}
    statement = await until(
        lambda: _json(market, "merchant", "merchants/acme/statement-lines"), lambda it: bool(it["entries"])
    )
    (entry,) = statement["entries"]
    lines = {it["kind"]: it["amount_minor"] for it in entry["lines"]}
    assert (entry["amount_minor"], lines) == (0, {"gross": 10_000, "commission": -10_000})


async def test_a_logistics_chain_is_paid_from_the_freight_of_the_order(market: Market) -> None:
    await market.merchant(freight_to="chain")
    order = market.order(amount_minor=11_000)
    order["lines"][0] |= {"amount_minor": 10_000, "freight_minor": 1_000}
    order["receivers"] = [
        {"receiver": "outlet", "parent": "freight", "share": "remainder"},
        {"receiver": "fleet", "parent": "receiver:outlet", "share": "percent", "value": 6_000},
        {"receiver": "driver", "parent": "receiver:outlet", "share": "fixed", "value": 150},
    ]
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    pockets = await market.pockets()
    assert pockets["merchant:acme"] == 9_000
    assert (pockets["merchant:outlet"], pockets["merchant:fleet"], pockets["merchant:driver"]) == (250, 600, 150)


async def test_an_upstream_without_kafka_posts_its_order_and_follows_the_status_url(market: Market) -> None:
    await market.merchant()
    order = market.order()
    await market.pay(order)
    url = market.url("payments", "orders")
    first, again = await market.http.post(url, json=order), await market.http.post(url, json=order)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    other = await market.http.post(url, json=order | {"buyer": "somebody-else"})
    assert (other.status_code, other.json()["reason"]) == (409, "order_conflict")
    await market.reaches(order, "settled")


async def test_a_lost_answer_of_the_institution_is_asked_for_and_nobody_is_paid_twice(market: Market) -> None:
    await market.merchant()
    order = market.order()
    await market.pay(order)
    faults = f"{market.cluster.urls['institution']}/v1/accounts/{market.id}/faults"
    fault = {"operations": ["transfers"], "answer": "drop_after", "remaining": 1}
    assert (await market.http.put(faults, json=fault)).is_success
    await market.publish(order)
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "merchant:acme": 9_000, "platform:commission": 1_000}


async def test_a_leg_that_the_institution_fails_comes_back_and_shows_its_reason(market: Market) -> None:
    await market.merchant()
    order = market.order()
    await market.pay(order)
    faults = f"{market.cluster.urls['institution']}/v1/accounts/{market.id}/faults"
    assert (await market.http.put(faults, json={"fail_receivers": {"merchant:acme": "ACCOUNT_ABNORMAL"}})).is_success
    await market.publish(order)
    split = await market.held(order, "ACCOUNT_ABNORMAL")
    states = {it["receiver"]: it["state"] for it in split["shares"]}
    assert states["merchant:acme"] == "available"
    assert (await market.pockets())["pool"] == 9_000
    balance = await _json(market, "split", "accounts/merchant:available/acme/balance?currency=CNY")
    assert balance["balance_minor"] == 9_000


async def test_the_same_event_a_hundred_times_is_one_order(market: Market) -> None:
    await market.merchant()
    order = market.order()
    await market.pay(order)
    await market.publish(*[order] * 100)
    await market.reaches(order, "settled")
    await asyncio.sleep(1)
    assert await market.pockets() == {"pool": 0, "merchant:acme": 9_000, "platform:commission": 1_000}


async def _json(market: Market, service: str, path: str) -> dict[str, Any]:
    answer = await market.http.get(market.url(service, path))
    assert answer.is_success, answer.text
    return dict(answer.json())
