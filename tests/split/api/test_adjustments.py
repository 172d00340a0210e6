"""Adjustments over HTTP: one asks, another approves, then it is booked, and paid or netted."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.split.api.asking import got
from tests.split.examples import agreement, merchant, paid_order
from tests.split.replica import Replica, settled

from split.domain.approvals import Ruling
from split.store.guards import key_of

BODY = {
    "actor": "Ann",
    "reason": "commission was taken twice",
    "receiver": "m1",
    "direction": "credit",
    "category": "commission_correction",
    "amount_minor": 500,
    "currency": "BRL",
    "channel_profile": "sandbox-direct",
    "channel_account": "test-a",
}
DEBIT = {"direction": "debit", "category": "penalty"}
BOB = {"actor": "Bob", "reason": "seen the list"}
PAUSE = {"scope": "marketplace", "actor": "Ann", "reason": "the bank asked"}


async def post(api: httpx.AsyncClient, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    answer = await api.post(path, json=body, headers={"idempotency-key": key})
    return answer.status_code, answer.json()


async def ask(api: httpx.AsyncClient, key: str = "k1", **changes: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    return await post(api, "adjustments", BODY | changes, key)


async def approve(
    api: httpx.AsyncClient,
    approval: dict[str, Any],
    who: Any = BOB,  # noqa: ANN401 - JSON
    key: str = "ok",
) -> tuple[int, dict[str, Any]]:
    return await post(api, f"approvals/{approval['approval_id']}/approve", who, key)


async def adjusted(api: httpx.AsyncClient, key: str = "k1", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Ask and approve; return the charge."""
    status, asked = await ask(api, key, **changes)
    assert status == 202, asked
    status, done = await approve(api, asked)
    assert status == 200, done
    return await got(api, f"charges/{asked['approval_id']}")


async def debt(replica: Replica) -> int:
    guard = await replica.database.guards.find_one({"_id": key_of("test-a", "m1", "BRL")}) or {}
    return int(guard.get("debt_minor", 0))


async def test_a_credit_is_paid_when_a_second_person_approves(replica: Replica, api: httpx.AsyncClient) -> None:
    status, asked = await ask(api)
    assert (status, asked["state"], asked["action"], asked["subject"]) == (
        202,
        "requested",
        "adjustment",
        "merchant:m1",
    )
    assert (await ask(api))[1] == asked
    assert (await ask(api, amount_minor=501))[1]["reason"] == "idempotency_key_reused"
    for key in ("ok", "other"):
        refused = await approve(api, asked, {"actor": " ANN ", "reason": "me again"}, key)
        assert (refused[0], refused[1]["reason"]) == (409, "same_person")
        assert "somebody else has to approve" in refused[1]["detail"]
    assert (replica.published.payouts(), await replica.balances()) == ([], {})

    status, done = await approve(api, asked)
    (payout,) = replica.published.payouts()
    assert (status, done["outcome"], payout.legs[0].amount_minor) == (200, payout.payout_id, 500)
    assert await replica.balances() == {"platform:marketing": -500, "merchant:in_transit/m1": 500}
    assert (await approve(api, asked))[1] == done
    assert len(replica.published.payouts()) == 1
    await replica.take(settled(payout))
    assert await replica.balances() == {}
    charge = await got(api, f"charges/{asked['approval_id']}")
    assert (charge["kind"], charge["state"], charge["funded"], charge["amount_minor"]) == (
        "adjustment",
        "paid",
        True,
        500,
    )
    assert (charge["asked_by"], charge["approved_by"], charge["why"]) == ("Ann", "Bob", "commission was taken twice")
    assert charge["adjusts"] == {
        "direction": "credit",
        "category": "commission_correction",
        "amount_minor": 500,
        "order_id": "",
        "statement_line": "",
    }
    assert [it["kind"] for it in await replica.booked()] == ["adjustment", "settle"]


async def test_a_debit_is_netted_from_what_comes_next_and_the_platform_gets_it(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(merchant("m1", agreement()))
    charge = await adjusted(api, **DEBIT)
    assert (charge["amount_minor"], charge["netted_minor"], charge["state"]) == (0, -500, "in_transit")
    assert (await replica.balances(), await debt(replica)) == ({"merchant:debt/m1": -500, "platform:advance": 500}, 500)
    (told,) = replica.published.payouts()
    assert [(it.receiver, it.amount_minor) for it in told.legs] == [("merchant:m1", 0)]
    await replica.take(settled(told))
    await replica.take(paid_order())
    legs = {it.receiver: it.amount_minor for it in replica.published.payouts()[-1].legs}
    assert legs == {"merchant:m1": 8_300, "platform:commission": 1_200, "platform:advance": 500}
    await replica.take(settled(replica.published.payouts()[-1]))
    assert (await replica.balances(), await debt(replica)) == ({}, 0)


async def test_a_debit_is_netted_from_what_rests_available(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement(), blocked=("kyc",)))
    await replica.take(paid_order())
    await adjusted(api, **DEBIT)
    await replica.take(merchant("m1", agreement(), version=2))
    await replica.parts.releases.release("test-a/m1")
    legs = {it.receiver: it.amount_minor for it in replica.published.payouts()[-1].legs}
    assert (legs["merchant:m1"], legs["platform:advance"]) == (8_300, 500)


async def test_an_old_debt_is_let_go_at_the_platforms_cost(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()))
    await adjusted(api, **DEBIT)
    await replica.take(settled(replica.published.payouts()[-1]))
    off = {"category": "debt_write_off", "reason": "it has ceased trading"}
    status, problem = await ask(api, "k2", **off, amount_minor=501)
    assert (status, problem["reason"]) == (409, "amount_above_debt")
    charge = await adjusted(api, "k3", **off, amount_minor=500)
    assert (charge["amount_minor"], charge["netted_minor"]) == (0, 500)
    assert await debt(replica) == 0
    await replica.take(settled(replica.published.payouts()[-1]))
    assert await replica.balances() == {}


async def test_two_credits_at_once_do_not_net_one_debt_twice(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()))
    await adjusted(api, **DEBIT)
    (_, one), (_, other) = await ask(api, "k2"), await ask(api, "k3")
    ruling = Ruling(verdict="approved", actor="Bob", reason="seen", key="d")
    beside = Replica(replica.database)
    await asyncio.gather(
        replica.parts.approve.rule(f"test-a/{one['approval_id']}", ruling),
        beside.parts.approve.rule(f"test-a/{other['approval_id']}", ruling),
    )
    found = [*replica.published.payouts()[1:], *beside.published.payouts()]
    assert sorted(it.legs[0].amount_minor for it in found) == [0, 500]
    assert await debt(replica) == 0


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"channel_account": "test-b"}, (404, "channel_account_unknown")),
        ({"currency": "XXX"}, (422, "currency_unknown")),
        ({"amount_minor": 0}, (422, "contract")),
        ({"category": "goodwill", "direction": "debit"}, (422, "direction_differs")),
        ({"category": "bribe"}, (422, "contract")),
        ({"receiver": "a/b"}, (422, "contract")),
        ({"reason": ""}, (422, "contract")),
        ({"order_id": "none"}, (404, "order_unknown")),
        ({"receiver": "nobody"} | DEBIT, (404, "receiver_unknown")),
        ({"receiver": "blocked"}, (409, "receiver_blocked")),
        ({"category": "debt_write_off"}, (409, "amount_above_debt")),
    ],
)
async def test_an_adjustment_that_cannot_be_made_is_not_even_asked_for(
    replica: Replica, api: httpx.AsyncClient, changes: dict[str, Any], refused: tuple[int, str]
) -> None:
    await replica.take(merchant("blocked", agreement(), blocked=("kyc",)))
    status, problem = await ask(api, **changes)
    assert (status, problem["reason"]) == refused
    assert problem["detail"]
    assert (await got(api, "approvals"))["items"] == []


async def test_a_pause_stops_a_credit_and_no_debit(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()))
    _, asked = await ask(api)
    await post(api, "payouts/pause", PAUSE, "p")
    assert (await approve(api, asked))[1]["reason"] == "payouts_paused"
    assert replica.published.payouts() == []
    await adjusted(api, "k2", **DEBIT)
    await post(api, "payouts/resume", PAUSE, "r")
    assert (await approve(api, asked))[0] == 200


async def test_it_stands_on_the_statement_and_in_the_earnings_with_the_order_that_it_is_about(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(merchant("m1", agreement()), paid_order())
    charge = await adjusted(api, order_id="1")
    assert charge["adjusts"]["order_id"] == "1"
    (entry, _) = (await got(api, "accounts/merchant:in_transit/m1/entries", currency="BRL"))["items"][::-1]
    assert (entry["kind"], entry["order_id"], entry["amount_minor"]) == (
        "adjustment",
        f"charges/{charge['charge_id']}",
        500,
    )
    earned = (await got(api, "receivers/m1/earnings", currency="BRL"))["items"]
    assert [(it["kind"], it["amounts"][0]["amount_minor"]) for it in earned] == [("adjustment", 500), ("order", 8_800)]
