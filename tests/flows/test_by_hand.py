"""Stories of what two people do by hand through the whole cluster: adjustments, rewards, mistakes mended, releases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows.conftest import Cluster, Later
from tests.flows.market import Json, Market, selling, until
from tests.flows.test_payouts import (
    ACCOUNT_ABNORMAL,
    BUSY,
    approved,
    asked,
    faults,
    no_law_is_broken,
    paid,
    statement,
    states,
)

from shared.mongo import connect

pytestmark = pytest.mark.infra


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        await until(lambda: known(it, {"_id": f"{it.id}/acme"}), bool)
        yield it


async def known(market: Market, query: Json) -> bool:
    """Tell whether split has a copy of a merchant as it is described."""
    client = connect(market.cluster.urls["mongo"])
    found = await client[market.cluster.database("split")].merchants.count_documents(query)
    client.close()
    return bool(found)


async def adjusted(market: Market, **wanted: Any) -> Json:  # noqa: ANN401 - JSON
    """Have an adjustment of acme's asked for and approved."""
    account = {"currency": "CNY", "channel_profile": "sandbox-direct", "channel_account": market.id}
    body = account | {"receiver": "acme", "actor": "Ann", "reason": "the list of March"} | wanted
    return await approved(market, await asked(market, "adjustments", body, f"{wanted['category']}"))


async def lines(market: Market) -> list[dict[str, int]]:
    """Return what each entry of acme's statement is made of."""
    answer = await market.http.get(market.url("merchant", "merchants/acme/statement-lines"))
    return [{it["kind"]: it["amount_minor"] for it in entry["lines"]} for entry in answer.json()["entries"]]


async def test_a_penalty_is_netted_from_the_next_order_and_a_correction_is_paid_and_both_are_stated(
    market: Market, tmp_path: Path
) -> None:
    await adjusted(market, direction="debit", category="penalty", amount_minor=500)
    assert (await market.balance("merchant:debt/acme"), await market.balance("platform:advance")) == (-500, 500)
    found = await until(lambda: lines(market), bool)
    assert found == [{"gross": 0, "adjustments": -500, "netted": 500}]

    order = market.order()
    await paid(market, order)
    await market.reaches(order, "settled")
    await until(
        market.pockets,
        lambda it: it == {"pool": 0, "merchant:acme": 8_500, "platform:commission": 1_000, "platform:advance": 500},
    )
    await until(lambda: market.balance("platform:advance"), lambda it: it == 0)
    assert await market.balance("merchant:debt/acme") == 0

    await market.fund(300)
    wanted = {"direction": "credit", "category": "commission_correction", "amount_minor": 300}
    done = await adjusted(market, **wanted, order_id=order["order_id"], statement_line="2026-03/7")
    await until(market.pockets, lambda it: it["merchant:acme"] == 8_800)
    charge = (await market.http.get(market.url("split", f"charges/{done['approval_id']}"))).json()
    assert (charge["asked_by"], charge["approved_by"], charge["adjusts"]["order_id"]) == (
        "Ann",
        "Bob",
        order["order_id"],
    )
    await until(lambda: statement(market), lambda it: sorted(it) == [("paid", 0), ("paid", 300), ("paid", 8_500)])
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_reward_that_the_bank_sent_back_is_paid_when_its_time_to_be_tried_again_has_come(
    market: Market, later: Later, tmp_path: Path
) -> None:
    await market.fund(500)
    await faults(market, BUSY)
    account = {"currency": "CNY", "channel_profile": "sandbox-direct", "channel_account": market.id}
    body = account | {"receiver": "acme", "amount_minor": 500, "actor": "Ann", "reason": "hundredth sale"}
    done = await approved(market, await asked(market, "rewards", body, "reward"))

    async def charge() -> Json:
        return dict((await market.http.get(market.url("split", f"charges/{done['approval_id']}"))).json())

    await until(charge, lambda it: it["reason"] == "CHANNEL_BUSY")
    await faults(market, None)
    await later(timedelta(minutes=2))
    found = await until(charge, lambda it: it["state"] == "paid")
    assert (found["attempt"], found["payout_id"]) == (2, f"c:{done['approval_id']}.2")
    assert (await market.pockets())["merchant:acme"] == 500
    await until(lambda: statement(market), lambda it: it == [("paid", 500)])
    await no_law_is_broken(market, tmp_path)


async def test_a_leg_that_was_written_off_by_mistake_is_restored_and_paid_once(market: Market, tmp_path: Path) -> None:
    order = market.order()
    await faults(market, ACCOUNT_ABNORMAL)
    await paid(market, order)
    await market.held(order, "ACCOUNT_ABNORMAL")
    await faults(market, None)
    body = {"leg_id": f"{market.id}/o:{order['order_id']}/merchant:acme/1", "actor": "Ann", "reason": "it is gone"}
    await approved(market, await asked(market, "operator/legs/write-off", body, "off"))
    assert await market.balance(f"suspense/{market.id}") == 9_000
    await approved(market, await asked(market, "operator/legs/restore", body | {"reason": "it is not"}, "on"))
    assert (await states(market, order))["merchant:acme"] == ("available", "restored")
    assert (await market.balance(f"suspense/{market.id}"), await market.balance("merchant:available/acme")) == (
        0,
        9_000,
    )
    await approved(market, await asked(market, "operator/legs/retry", body | {"reason": "a new account"}, "again"))
    await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:acme"] == 9_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_goods_let_go_by_hand_that_meet_a_blocked_merchant_rest_and_are_paid_when_it_is_cleared(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="completed")
    order = market.order(merchant="slow")
    await paid(market, order)
    await market.held(order, "awaiting_completed")
    slow = {"name": "slow", "kind": "pop", "blocked": ["kyc_missing"]}
    assert (await market.http.put(market.url("merchant", "merchants/slow"), json=slow)).is_success
    await until(lambda: known(market, {"_id": f"{market.id}/slow", "blocked": "kyc_missing"}), bool)
    body = {"actor": "Ann", "reason": "the buyer has confirmed by telephone"}
    done = await approved(market, await asked(market, f"orders/{order['order_id']}/releases", body, "release"))
    assert done["outcome"] == "nothing_was_due"
    await market.held(order, "blocked:kyc_missing")
    assert "merchant:slow" not in await market.pockets()
    assert (await market.http.put(market.url("merchant", "merchants/slow"), json=slow | {"blocked": []})).is_success
    await market.reaches(order, "settled")
    assert (await market.pockets())["merchant:slow"] == 9_000
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}
