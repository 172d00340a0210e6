"""Refunds at the real sandbox institution: what goes wrong on the way is found out, and nothing is done twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from tests.payments.edge import Edge, Institution
from tests.payments.examples import ACCOUNT, NOW, back, funding, leg, order, payment, payout, plan, to_buyer
from tests.payments.handlers.test_refunds import sold, states

from payments import api
from payments.channels.sandbox import SandboxChannel
from shared import http
from shared.messages import RefundSettled


async def other_replica(edge: Edge, institution: Institution) -> Edge:
    """Return another replica on the same database, as after a crash of the first; its lanes run."""
    await edge.stop()
    fresh = Edge(edge.database, SandboxChannel(institution.url, timeout_s=5))
    fresh.start()
    return fresh


@pytest.fixture
async def paid(still_edge: Edge, institution: Institution) -> AsyncIterator[Edge]:
    """Return payments with order o-1 of 12.00 paid out: 10.80 to alice, 1.20 to the platform."""
    await sold(still_edge, institution)
    fresh = await other_replica(still_edge, institution)
    yield fresh
    await fresh.stop()


async def numbers_once(institution: Institution) -> None:
    found = Counter(it["number"] for it in await institution.transfers())
    assert set(found.values()) == {1}


async def test_the_buyer_has_it_when_all_came_in_and_the_order_pays_no_more_than_came_for_it(
    paid: Edge, institution: Institution
) -> None:
    await institution.fund(120)
    await paid.take(plan())
    stored = await paid.refund_in("final")
    assert stored["standing"] == "succeeded"
    told = paid.published.events(RefundSettled)
    assert [(it.revision, it.state) for it in told] == [(1, "under_way"), (2, "succeeded")]
    balances = await institution.balances()
    assert (balances["pool"], balances["merchant:alice"], balances["platform:marketing"]) == (0, 0, 0)
    assert ((await paid.order())["moved_minor"], await paid.unpaid_minor()) == (0, 0)
    await numbers_once(institution)
    # Split may refund out of what other orders have left: what the buyer got back is no limit, what came is.
    await paid.take(payout(number=2, legs=(leg(path="merchant:late", amount_minor=1_201),)))
    assert "payout_above_paid" in paid.published.dead()[0]


async def test_a_refund_waits_for_the_platforms_money_and_goes_on_by_the_clock_when_it_is_there(
    paid: Edge, institution: Institution
) -> None:
    await paid.take(plan())
    stored = await paid.refund_in("waiting_funds")
    assert (stored["standing"], stored["state"]) == ("waiting_funds", "waiting")
    told = paid.published.events(RefundSettled)
    assert (told[-1].state, told[-1].reason) == ("waiting_funds", "insufficient_funds")
    await paid.let_time_pass()
    await asyncio.sleep(0.3)
    assert len(paid.published.events(RefundSettled)) == len(told)
    await institution.fund(120)
    await paid.let_time_pass()
    assert (await paid.refund_in("final"))["standing"] == "succeeded"
    assert (await institution.balances())["pool"] == 0
    await numbers_once(institution)


async def test_what_does_not_come_back_is_told_and_the_next_plan_goes_on_from_there(
    paid: Edge, institution: Institution
) -> None:
    await institution.fund(120)
    await institution.fund(1_080, "fund-2", "platform:advance")
    await institution.fault(fail_receivers={"merchant:alice": "NOT_ENOUGH"}, kinds=["return"])
    await paid.take(plan())
    stored = await paid.refund_in("final")
    assert (stored["standing"], (await paid.order())["moved_minor"]) == ("failed", 120)
    await paid.take(plan(2, returns=(), fundings=(funding(), funding(1_080, "advance"))))
    assert (await paid.refund_in("final"))["standing"] == "succeeded"
    told = paid.published.events(RefundSettled)[-1]
    assert [(it.state, it.reason) for it in told.returns] == [("failed", "NOT_ENOUGH")]
    balances = await institution.balances()
    assert (balances["pool"], balances["merchant:alice"]) == (0, 1_080)
    await numbers_once(institution)


@pytest.mark.parametrize("answer", ["drop_before", "drop_after"])
@pytest.mark.parametrize("kinds", [["return"], ["refund"]])
async def test_a_lost_answer_is_unknown_and_never_a_second_refund(
    paid: Edge, institution: Institution, answer: str, kinds: list[str]
) -> None:
    await institution.fund(120)
    await institution.fault(answer=answer, operations=["transfers"], kinds=kinds, remaining=1)
    await paid.take(plan())
    await paid.refund_in("unknown")
    assert any("unknown" in states(it) for it in paid.published.events(RefundSettled))
    await paid.let_time_pass()
    assert (await paid.refund_in("final"))["standing"] == "succeeded"
    assert (await institution.balances())["pool"] == 0
    await numbers_once(institution)


async def test_what_is_accepted_is_asked_after_until_it_is_final(paid: Edge, institution: Institution) -> None:
    await institution.fund(120)
    await institution.fault(accept_only=True, stay_accepted=True, kinds=["refund"])
    await paid.take(plan())
    stored = await paid.refund_in("accepted")
    assert paid.published.events(RefundSettled)[-1].state == "under_way"
    await institution.heal()
    hinted = [it["channel_number"] for it in stored["parts"] if it["kind"] == "refund"]
    assert await paid.parts.refunds.make_due("sandbox-direct", ACCOUNT, NOW, ["another"]) == 0
    assert await paid.parts.refunds.make_due("sandbox-direct", ACCOUNT, NOW, hinted) == 1  # as a callback says
    await paid.parts.sweep.refunds(paid.parts.money_back)
    assert (await paid.refund_in("final"))["standing"] == "succeeded"


async def test_a_crash_before_the_lane_leaves_the_plan_to_the_sweep(still_edge: Edge, institution: Institution) -> None:
    await sold(still_edge, institution)
    await institution.fund(120)
    await still_edge.take(plan())
    fresh = await other_replica(still_edge, institution)
    await fresh.let_time_pass()
    assert (await fresh.refund_in("final"))["standing"] == "succeeded"
    assert await fresh.database.handovers.count_documents({}) == 0
    await fresh.stop()


async def test_a_crash_between_the_steps_of_a_refund_is_brought_back_by_the_clock(
    paid: Edge, institution: Institution
) -> None:
    """The answer to the returns is stored, and what the buyer gets is `sending`: nobody has it in memory any more."""
    await institution.fund(120)
    await institution.fault(answer="unavailable", operations=["transfers"], kinds=["refund"])
    await paid.take(plan())
    await paid.refund_in("sending")
    fresh = await other_replica(paid, institution)
    await institution.heal()
    await fresh.let_time_pass()
    assert (await fresh.refund_in("final"))["standing"] == "succeeded"
    await numbers_once(institution)
    await fresh.stop()


async def test_a_plan_that_comes_while_one_is_being_sent_loses_nothing_of_it(
    paid: Edge, institution: Institution
) -> None:
    await institution.fund(200)
    await institution.fault(latency_s=0.4, operations=["transfers"])
    await paid.take(plan())
    await asyncio.sleep(0.1)
    await paid.take(plan(2, fundings=(funding(), funding(50, number=2)), refunds=(to_buyer(1_200),)))
    await institution.heal()
    assert (await paid.refund_in("final"))["standing"] == "succeeded"
    told = paid.published.events(RefundSettled)[-1]
    assert (told.planned, [it.amount_minor for it in told.fundings]) == (2, [120, 50])
    assert (await paid.order())["moved_minor"] == 50
    await numbers_once(institution)


async def test_a_buyers_bank_that_sends_back_is_asked_about_over_http_and_tried_again_under_another_number(
    paid: Edge, institution: Institution
) -> None:
    await institution.fund(120)
    await paid.take(plan())
    stored = await paid.refund_in("final")
    number = stored["parts"][2]["channel_number"]
    await institution.give_back(number)
    app = FastAPI()
    http.install(app)
    app.include_router(api.routes(paid.parts.ingress, paid.parts.doubts, paid.parts.stores, paid.marketplaces))
    base = "http://payments/v1/marketplaces/test-shop/refunds"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
        for _ in range(2):
            answer = await client.post(f"{base}/r-1/check")
            assert (answer.status_code, answer.json()["waits"]) == (202, "checked")
        assert (await client.post(f"{base}/r-9/check")).json()["reason"] == "refund_unknown"
        await paid.let_time_pass()
        await paid.refund_in("final")
        shown = (await client.get(f"{base}/r-1")).json()
        assert (shown["standing"], shown["reason"], shown["amount_minor"]) == ("failed", "ACCOUNT_CLOSED", 1_200)
        assert [it["state"] for it in shown["parts"]] == ["succeeded", "succeeded", "returned"]
        status = (await client.get("http://payments/v1/marketplaces/test-shop/orders/o-1/status")).json()
        assert (status["state"], status["unpaid_minor"]) == ("accepted", 1_200)
        assert [it["refund_id"] for it in status["refunds"]] == ["r-1"]
        await paid.take(plan(2))
        await paid.refund_in("final")
        status = (await client.get("http://payments/v1/marketplaces/test-shop/orders/o-1/status")).json()
        assert (status["state"], status["unpaid_minor"]) == ("settled", 0)
    assert (await institution.balances())["pool"] == 0


async def test_two_refunds_of_one_order_move_the_sum_of_both(paid: Edge, institution: Institution) -> None:
    await institution.fund(120)
    half: dict[str, Any] = {"fundings": (), "refunds": (to_buyer(540),), "returns": (back(amount_minor=540),)}
    other: dict[str, Any] = {
        **half,
        "refund_id": "r-2",
        "returns": (back(amount_minor=540, return_id="r-2/merchant:alice/1"),),
    }
    await paid.take(plan(**half), plan(**other))
    for key in ("test-shop/r-1", "test-shop/r-2"):
        assert (await paid.refund_in("final", key))["standing"] == "succeeded"
    assert ((await paid.order())["moved_minor"], (await institution.balances())["merchant:alice"]) == (0, 0)


async def test_what_is_held_for_the_order_goes_back_to_the_buyer_at_once(
    still_edge: Edge, institution: Institution
) -> None:
    """Nothing has to come in first, and the rest of the order can be paid out afterwards."""
    await institution.pay(payment("pay-o-1"))
    await still_edge.take(order())
    still_edge.start()
    await still_edge.order_in("accepted")
    await still_edge.take(plan(returns=(), fundings=(), refunds=(to_buyer(400),)))
    assert (await still_edge.refund_in("final"))["standing"] == "succeeded"
    assert [(it.revision, it.state) for it in still_edge.published.events(RefundSettled)] == [(1, "succeeded")]
    await still_edge.take(payout(legs=(leg(amount_minor=800),)))
    await still_edge.payout_in("final")
    assert (await institution.balances())["pool"] == 0
