"""Stories of payouts through the whole cluster: what fails, comes back, is paused, or may not go yet."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows.conftest import Cluster, Later
from tests.flows.market import Json, Market, selling, until
from tests.flows.test_audit import audited

from shared.mongo import connect

pytestmark = pytest.mark.infra

DAY = timedelta(days=1)
ACCOUNT_ABNORMAL = {"fail_receivers": {"merchant:acme": "ACCOUNT_ABNORMAL"}}
BUSY = {"fail_receivers": {"merchant:acme": "CHANNEL_BUSY"}}


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


async def asked(market: Market, path: str, body: Json, key: str) -> Json:
    """Post an operator's request to split."""
    answer = await market.http.post(market.url("split", path), json=body, headers={"idempotency-key": key})
    assert answer.is_success, answer.text
    return dict(answer.json())


async def approved(market: Market, approval: Json) -> Json:
    """Have somebody else approve what was asked for."""
    path, bob = f"approvals/{approval['approval_id']}/approve", {"actor": "Bob", "reason": "seen"}
    return await asked(market, path, bob, f"approve-{approval['approval_id']}")


async def faults(market: Market, fault: Json | None) -> None:
    """Switch a fault of the institution on, or all of them off."""
    url = f"{market.cluster.urls['institution']}/v1/accounts/{market.id}/faults"
    answer = await (market.http.put(url, json=fault) if fault else market.http.delete(url))
    assert answer.is_success


async def paid(market: Market, *orders: Json) -> None:
    await market.pay(*orders)
    await market.publish(*orders)


async def states(market: Market, order: Json) -> dict[str, tuple[str, str]]:
    """Return state and reason of each share by path."""
    return {it["path"]: (it["state"], it["reason"]) for it in (await market.split(order))["shares"]}


async def statement(market: Market) -> list[tuple[str, int]]:
    """Return what stands on acme's statement."""
    answer = await market.http.get(market.url("merchant", "merchants/acme/statement-lines"))
    return [(it["kind"], it["amount_minor"]) for it in answer.json()["entries"]]


async def no_law_is_broken(market: Market, folder: Path) -> Any:  # noqa: ANN401 - a report's tally
    """Audit once nothing is on its way any more."""
    report = await until(lambda: audited(market, folder), lambda it: not it.tally.places.of("waiting"))
    assert report.findings.shown == []
    return report.tally.places.counts


async def test_a_leg_that_failed_is_paid_when_its_time_to_be_tried_again_has_come(
    market: Market, later: Later, tmp_path: Path
) -> None:
    order = market.order()
    await faults(market, BUSY)
    await paid(market, order)
    await market.held(order, "CHANNEL_BUSY")
    await faults(market, None)
    await later(timedelta(minutes=2))
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "merchant:acme": 9_000, "platform:commission": 1_000}
    (leg,) = [it for it in (await market.split(order))["shares"] if it["path"] == "merchant:acme"]
    assert (leg["attempt"], leg["payout_id"]) == (2, f"o:{order['order_id']}.2")
    await until(lambda: statement(market), lambda it: it == [("paid", 9_000)])
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_leg_that_is_never_retried_waits_for_two_people(market: Market, later: Later, tmp_path: Path) -> None:
    order = market.order()
    await faults(market, ACCOUNT_ABNORMAL)
    await paid(market, order)
    await market.held(order, "ACCOUNT_ABNORMAL")
    await faults(market, None)
    await later(timedelta(days=40))

    async def queue() -> list[Json]:
        answer = await market.http.get(market.url("split", "operator/legs"))
        return list(answer.json()["items"])

    (leg,) = await until(queue, bool)
    assert (leg["order_id"], leg["reason"], leg["why"]) == (order["order_id"], "ACCOUNT_ABNORMAL", "never_retried")
    body = {"leg_id": leg["leg_id"], "actor": "Ann", "reason": "the account was mended"}
    done = await approved(market, await asked(market, "operator/legs/retry", body, "retry"))
    assert (done["actor"], done["decided_by"], done["outcome"]) == ("Ann", "Bob", f"o:{order['order_id']}.2")
    await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:acme"] == 9_000
    assert await queue() == []
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_leg_that_two_people_write_off_is_in_suspense_and_nobody_is_paid(
    market: Market, tmp_path: Path
) -> None:
    order = market.order()
    await faults(market, ACCOUNT_ABNORMAL)
    await paid(market, order)
    await market.held(order, "ACCOUNT_ABNORMAL")
    body = {"leg_id": f"{market.id}/o:{order['order_id']}/merchant:acme/1", "actor": "Ann", "reason": "it is gone"}
    await approved(market, await asked(market, "operator/legs/write-off", body, "off"))
    assert (await states(market, order))["merchant:acme"] == ("written_off", "ACCOUNT_ABNORMAL")
    assert await market.balance(f"suspense/{market.id}") == 9_000
    assert await market.balance("merchant:available/acme") == 0
    assert (await market.pockets())["pool"] == 9_000
    await no_law_is_broken(market, tmp_path)


async def test_what_a_bank_returns_after_days_is_reopened_and_paid_again(market: Market, tmp_path: Path) -> None:
    order = market.order()
    await paid(market, order)
    await market.reaches(order, "settled")
    payout = f"o:{order['order_id']}.1"
    shown = (await market.http.get(market.url("payments", f"payouts/{payout}"))).json()
    (number,) = [it["channel_number"] for it in shown["legs"] if it["receiver"] == "merchant:acme"]
    returns = f"{market.cluster.urls['institution']}/v1/accounts/{market.id}/returns"
    assert (await market.http.post(returns, json={"numbers": [number], "reason": "ACCOUNT_CLOSED"})).is_success
    assert (await market.http.post(market.url("payments", f"payouts/{payout}/check"))).status_code == 202

    await market.held(order, "ACCOUNT_CLOSED")
    assert (await market.status(order))["state"] == "accepted"
    assert await market.balance("merchant:available/acme") == 9_000
    await until(lambda: statement(market), lambda it: it == [("paid", 9_000), ("returned", -9_000)])
    assert (await no_law_is_broken(market, tmp_path)) == {("held", "ACCOUNT_CLOSED"): 1}

    body = {"leg_id": f"{market.id}/o:{order['order_id']}/merchant:acme/1", "actor": "Ann", "reason": "a new account"}
    await approved(market, await asked(market, "operator/legs/retry", body, "retry"))
    await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:acme"] == 9_000
    await until(
        lambda: statement(market), lambda it: sorted(it) == [("paid", 9_000), ("paid", 9_000), ("returned", -9_000)]
    )
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_pause_holds_every_order_and_its_end_loses_none(market: Market, tmp_path: Path) -> None:
    stop = {"scope": "marketplace", "actor": "Ann", "reason": "the bank asked"}
    await asked(market, "payouts/pause", stop, "pause")
    orders = [market.order() for _ in range(30)]
    await paid(market, *orders)
    await until(lambda: held_by_stop(market), lambda it: it == 30)
    assert await market.pockets() == {"pool": 300_000}
    assert {it async for it in _states(market, orders)} == {("held", "paused:marketplace")}
    await asked(market, "payouts/resume", stop, "resume")
    for order in orders:
        await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "merchant:acme": 270_000, "platform:commission": 30_000}
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 30}


async def held_by_stop(market: Market) -> int:
    answer = await market.http.get(market.url("split", "payouts/stops"))
    return sum(it["orders_held"] for it in answer.json()["items"])


async def _states(market: Market, orders: list[Json]) -> AsyncIterator[tuple[str, str]]:
    for order in orders:
        yield (await states(market, order))["merchant:acme"]


async def test_amounts_below_the_minimum_carry_over_until_they_come_to_it(market: Market, tmp_path: Path) -> None:
    await market.merchant("tiny", payouts={"minimums": [{"currency": "CNY", "amount_minor": 20_000}]})
    orders = [market.order(merchant="tiny") for _ in range(3)]
    for order in orders[:2]:
        await paid(market, order)
        await market.held(order, "below_minimum")
    assert "merchant:tiny" not in await market.pockets()
    assert await market.balance("merchant:available/tiny") == 18_000
    await paid(market, orders[2])
    for order in orders:
        await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:tiny"] == 27_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 3}


async def test_beyond_the_cap_of_a_day_the_rest_is_paid_tomorrow(market: Market, later: Later, tmp_path: Path) -> None:
    await market.merchant("rich", payouts={"daily_caps": [{"currency": "CNY", "amount_minor": 10_000}]})
    first, second = market.order(merchant="rich"), market.order(merchant="rich")
    await paid(market, first)
    await market.reaches(first, "settled")
    await paid(market, second)
    await market.held(second, "over_limit")
    assert (await market.pockets())["merchant:rich"] == 9_000
    await later(DAY)
    await market.reaches(second, "settled")
    assert (await market.pockets())["merchant:rich"] == 18_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 2}


async def test_a_reserve_stays_behind_and_comes_when_its_days_are_over(
    market: Market, later: Later, tmp_path: Path
) -> None:
    await market.merchant("new", payouts={"reserve_bp": 2_000, "reserve_days": 7})
    order = market.order(merchant="new")
    await paid(market, order)
    await until(market.pockets, lambda it: it.get("merchant:new") == 7_200)
    assert await market.balance("merchant:reserve/new") == 1_800
    assert await no_law_is_broken(market, tmp_path) == {("held", "reserve"): 1}
    await later(7 * DAY)
    await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:new"] == 9_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_blocked_receiver_accumulates_while_the_orders_go_out_and_is_paid_when_cleared(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("driver")
    driver = {"name": "driver", "kind": "logistics", "blocked": ["kyc_missing"]}
    assert (await market.http.put(market.url("merchant", "merchants/driver"), json=driver)).is_success
    orders = [market.order() for _ in range(2)]
    for order in orders:
        order["receivers"] = [{"receiver": "driver", "parent": "merchant:acme", "share": "fixed", "value": 500}]
    await until(lambda: _blocked(market), bool)
    await paid(market, *orders)
    for order in orders:
        await market.held(order, "blocked:kyc_missing")
    await until(market.pockets, lambda it: it.get("merchant:acme") == 17_000)
    assert await market.balance("merchant:available/driver") == 1_000
    assert "merchant:driver" not in await market.pockets()
    assert (await market.http.put(market.url("merchant", "merchants/driver"), json=driver | {"blocked": []})).is_success
    for order in orders:
        await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:driver"] == 1_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 2}


async def _blocked(market: Market) -> bool:
    """Tell whether split knows that the driver is blocked."""
    client = connect(market.cluster.urls["mongo"])
    merchants = client[market.cluster.database("split")].merchants
    known = {"_id": f"{market.id}/driver", "blocked": "kyc_missing"}
    found = await merchants.count_documents(known)
    client.close()
    return bool(found)
