"""Rewards over HTTP: one asks, another approves, then it is booked, paid, and shown."""

from typing import Any

import httpx
import pytest
from tests.split.examples import agreement, merchant, paid_order
from tests.split.replica import Replica, settled

from split.store.guards import key_of

BODY = {
    "actor": "Ann",
    "reason": "hundredth ride",
    "receiver": "driver-7",
    "amount_minor": 500,
    "currency": "CNY",
    "channel_profile": "sandbox-direct",
    "channel_account": "test-a",
}
BOB = {"actor": "Bob", "reason": "seen the list"}
PAUSE = {"scope": "marketplace", "actor": "Ann", "reason": "the bank asked"}


async def post(api: httpx.AsyncClient, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    answer = await api.post(path, json=body, headers={"idempotency-key": key})
    return answer.status_code, answer.json()


async def ask(api: httpx.AsyncClient, key: str = "k1", **changes: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    return await post(api, "rewards", BODY | changes, key)


async def approve(api: httpx.AsyncClient, approval: dict[str, Any], who: Any = BOB) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    return await post(api, f"approvals/{approval['approval_id']}/approve", who, "ok")


async def test_a_reward_is_paid_when_a_second_person_approves(replica: Replica, api: httpx.AsyncClient) -> None:
    status, asked = await ask(api)
    assert (status, asked["state"], asked["subject"]) == (202, "requested", "merchant:driver-7")
    assert (await ask(api))[1] == asked
    assert (replica.published.payouts(), await replica.balances()) == ([], {})
    assert (await approve(api, asked, BOB | {"actor": "ann "}))[1]["reason"] == "same_person"
    assert replica.published.payouts() == []

    status, approved = await approve(api, asked)
    (payout,) = replica.published.payouts()
    assert (status, approved["outcome"]) == (200, payout.payout_id)
    assert await replica.balances() == {"platform:marketing": -500, "merchant:in_transit/driver-7": 500}
    assert (await approve(api, asked))[1] == approved
    assert len(replica.published.payouts()) == 1

    charge = (await api.get(f"charges/{asked['approval_id']}")).json()
    assert (charge["state"], charge["funded"], charge["receiver"]) == ("in_transit", False, "merchant:driver-7")
    assert (charge["asked_by"], charge["approved_by"], charge["why"]) == ("Ann", "Bob", "hundredth ride")
    await replica.take(settled(payout))
    charge = (await api.get(f"charges/{asked['approval_id']}")).json()
    assert (charge["state"], charge["funded"]) == ("paid", True)
    assert await replica.balances() == {}
    assert [it["kind"] for it in await replica.booked()] == ["reward", "settle"]


async def test_a_reward_that_failed_rests_with_its_receiver(replica: Replica, api: httpx.AsyncClient) -> None:
    _, asked = await ask(api)
    await approve(api, asked)
    (payout,) = replica.published.payouts()
    await replica.take(settled(payout, "failed"))
    charge = (await api.get(f"charges/{asked['approval_id']}")).json()
    assert (charge["state"], charge["reason"]) == ("available", "failed")
    assert (await replica.balances())["merchant:available/driver-7"] == 500


async def test_payouts_of_charges_and_orders_come_in_one_batch(replica: Replica, api: httpx.AsyncClient) -> None:
    _, asked = await ask(api)
    await approve(api, asked)
    await replica.take(merchant("m1", agreement()), paid_order(order_id=asked["approval_id"]))
    reward, order = replica.published.payouts()
    assert reward.key == order.key
    await replica.take(settled(order), settled(reward), settled(reward))
    assert await replica.balances() == {}
    assert replica.published.dead() == []


async def test_a_payout_of_a_charge_that_is_not_known_is_refused(replica: Replica, api: httpx.AsyncClient) -> None:
    _, asked = await ask(api)
    await approve(api, asked)
    (payout,) = replica.published.payouts()
    await replica.database.charges.delete_many({})
    await replica.take(settled(payout))
    assert replica.published.dead() == ["document_unknown"]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"channel_account": "test-b"}, (404, "channel_account_unknown")),
        ({"channel_profile": "stripe-connect"}, (404, "channel_account_unknown")),
        ({"currency": "XXX"}, (422, "currency_unknown")),
        ({"amount_minor": 0}, (422, "contract")),
        ({"amount_minor": 1.5}, (422, "contract")),
        ({"receiver": "a/b"}, (422, "contract")),
        ({"actor": ""}, (422, "contract")),
        ({"reason": None}, (422, "contract")),
        ({"receiver": "blocked"}, (409, "receiver_blocked")),
        ({"receiver": "debtor"}, (409, "receiver_in_debt")),
    ],
)
async def test_a_reward_that_cannot_be_paid_is_not_even_asked_for(
    replica: Replica, api: httpx.AsyncClient, changes: dict[str, Any], refused: tuple[int, str]
) -> None:
    await replica.take(merchant("blocked", agreement(), blocked=("kyc",)))
    await replica.database.guards.insert_one({"_id": key_of("test-a", "debtor", "CNY"), "version": 1, "debt_minor": 1})
    status, problem = await ask(api, **changes)
    assert (status, problem["reason"]) == refused
    assert (await api.get("approvals")).json()["items"] == []


async def test_what_stops_payouts_stops_rewards_too(replica: Replica, api: httpx.AsyncClient) -> None:
    _, asked = await ask(api)
    await post(api, "payouts/pause", PAUSE, "p")
    assert (await approve(api, asked))[1]["reason"] == "payouts_paused"
    assert (await ask(api, "k2"))[1]["reason"] == "payouts_paused"
    assert replica.published.payouts() == []
    await post(api, "payouts/resume", PAUSE, "r")
    assert (await approve(api, asked))[0] == 200


async def test_other_marketplaces_see_no_charge(api: httpx.AsyncClient) -> None:
    _, asked = await ask(api)
    await approve(api, asked)
    other = f"http://split/v1/marketplaces/test-b/charges/{asked['approval_id']}"
    assert (await api.get(other)).status_code == 404
    assert (await api.get(f"charges/{asked['approval_id']}")).status_code == 200
