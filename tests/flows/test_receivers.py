"""Who is paid out of one payment: the chains of money.md 3.5, at the same time and to the last minor unit."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, selling, until
from tests.flows.test_audit import audited

from shared.messages import OrderProgressed

pytestmark = pytest.mark.infra


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


async def posted(market: Market, path: str, body: Json, key: str) -> Json:
    """Do something as an operator."""
    answer = await market.http.post(market.url("split", path), json=body, headers={"idempotency-key": key})
    assert answer.is_success, answer.text
    return dict(answer.json())


async def test_an_enterprise_pays_a_platform_that_pays_outlet_fleet_and_driver_at_once(market: Market) -> None:
    """An enterprise pays 100.00 for a transport: the platform keeps 10 %, the outlet passes on to fleet and driver."""
    await market.merchant("outlet")
    order = market.order(amount_minor=10_000, merchant="outlet")
    order["receivers"] = [
        {"receiver": "fleet", "parent": "merchant:outlet", "share": "percent", "value": 7_000},
        {"receiver": "driver", "parent": "receiver:fleet", "share": "fixed", "value": 2_500},
        {"receiver": "mate", "parent": "receiver:fleet", "share": "percent", "value": 1_000},
    ]
    await market.pay(order)
    await market.publish(order)
    status = await market.reaches(order, "settled")
    assert len(status["payouts"]) == 1
    assert await market.pockets() == {
        "pool": 0,
        "platform:commission": 1_000,
        "merchant:outlet": 2_700,
        "merchant:fleet": 3_170,
        "merchant:driver": 2_500,
        "merchant:mate": 630,
    }
    for receiver, amount in (("outlet", 2_700), ("driver", 2_500), ("mate", 630)):
        (seen,) = await until(partial(earnings, market, receiver), all_paid)
        assert (seen["kind"], seen["id"]) == ("order", order["order_id"])
        assert [(it["amount_minor"], it["state"]) for it in seen["amounts"]] == [(amount, "paid")]


async def test_a_supplier_pays_its_maker_depots_and_dealer_out_of_one_sale(market: Market) -> None:
    """Supplier, maker, central and regional depot, dealer: four levels below the seller, freight down another way."""
    await market.merchant("supplier", commission_bp=500, freight_to="chain")
    order = market.order(amount_minor=11_000, merchant="supplier")
    order["lines"][0] |= {"amount_minor": 10_000, "freight_minor": 1_000}
    order["receivers"] = [
        {"receiver": "maker", "parent": "merchant:supplier", "share": "percent", "value": 8_000},
        {"receiver": "central", "parent": "receiver:maker", "share": "fixed", "value": 3_000},
        {"receiver": "regional", "parent": "receiver:central", "share": "percent", "value": 5_000},
        {"receiver": "dealer", "parent": "receiver:regional", "share": "remainder"},
        {"receiver": "carrier", "parent": "freight", "share": "remainder"},
    ]
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    assert await market.pockets() == {
        "pool": 0,
        "platform:commission": 500,
        "merchant:supplier": 1_900,
        "merchant:maker": 4_600,
        "merchant:central": 1_500,
        "merchant:dealer": 1_500,
        "merchant:carrier": 1_000,
    }


async def test_a_user_pays_a_driver(market: Market) -> None:
    """A user pays 30.00 for a ride, 2.00 of them a toll that is all the driver's: nobody stands between."""
    await market.merchant("driver", commission_bp=2_000)
    order = market.order(amount_minor=3_000, merchant="driver")
    order["lines"][0] |= {"amount_minor": 2_800, "freight_minor": 200}
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "platform:commission": 560, "merchant:driver": 2_440}


async def test_a_driver_sees_what_it_will_be_paid_before_the_ride_is_over(market: Market) -> None:
    """The fleet is paid a day after the ride is completed; until then the driver sees how much, and then also when."""
    await market.merchant("fleet", trigger="completed", trigger_days=1)
    order = market.order(amount_minor=3_000, merchant="fleet")
    order["receivers"] = [{"receiver": "driver", "parent": "merchant:fleet", "share": "percent", "value": 8_000}]
    await market.pay(order)
    await market.publish(order)
    await market.held(order, "awaiting_completed")
    (hope,) = (await earnings(market, "driver"))[0]["amounts"]
    assert (hope["amount_minor"], hope["state"], hope["pay_at"]) == (2_160, "expected", None)
    assert hope["reason"] == "awaiting_completed"

    done = OrderProgressed(
        marketplace=market.id,
        order_id=order["order_id"],
        kind="completed",
        progress_id="ride-1",
        occurred_at=datetime.now(UTC),
    )
    await market.tell(done)
    seen = await until(lambda: earnings(market, "driver"), lambda it: it[0]["amounts"][0]["pay_at"] is not None)
    (hope,) = seen[0]["amounts"]
    due = datetime.fromisoformat(hope["pay_at"])
    assert (hope["amount_minor"], hope["state"]) == (2_160, "expected")
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=2)


async def test_a_driver_gets_a_reward_without_an_order(market: Market, tmp_path: Path) -> None:
    """The platform's marketing pays 5.00 for the hundredth ride, once two people have agreed and the money is there."""
    wish = {
        "actor": "Ann",
        "reason": "hundredth ride",
        "receiver": "driver",
        "amount_minor": 500,
        "currency": "CNY",
        "channel_profile": "sandbox-direct",
        "channel_account": market.id,
    }
    asked = await posted(market, "rewards", wish, "hundred-1")
    assert asked["state"] == "requested"
    approved = await posted(
        market, f"approvals/{asked['approval_id']}/approve", {"actor": "Bob", "reason": "seen"}, "b"
    )
    payouts = market.url("payments", f"payouts/{approved['outcome']}")
    waits = await until(lambda: _json(market, payouts), lambda it: it.get("waits") == "waiting_funds")
    assert waits["document"] == f"c:{asked['approval_id']}"

    await market.fund(500)
    charge = market.url("split", f"charges/{asked['approval_id']}")
    await until(lambda: _json(market, charge), lambda it: it.get("state") == "paid")
    assert await market.pockets() == {"pool": 0, "platform:marketing": 0, "merchant:driver": 500}
    lines = market.url("merchant", "merchants/driver/statement-lines")
    (entry,) = (await until(lambda: _json(market, lines), lambda it: bool(it.get("entries"))))["entries"]
    assert (entry["document"], entry["amount_minor"]) == (waits["document"], 500)

    report = await audited(market, tmp_path)
    assert report.findings.shown == []
    assert report.tally.places.orders == 0


async def earnings(market: Market, receiver: str) -> list[Json]:
    """Return what a receiver sees."""
    answer = await market.http.get(market.url("split", f"receivers/{receiver}/earnings"), params={"currency": "CNY"})
    assert answer.is_success, answer.text
    return list(answer.json()["items"])


def all_paid(seen: list[Json]) -> bool:
    return all(it["state"] == "paid" for one in seen for it in one["amounts"])


async def _json(market: Market, url: str) -> Json:
    answer = await market.http.get(url)
    return dict(answer.json()) if answer.is_success else {}
