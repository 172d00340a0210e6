"""The operators' queue over HTTP."""

from typing import Any

import httpx
import pytest
from tests.split.examples import agreement, merchant, paid_order
from tests.split.outcomes import told
from tests.split.replica import Replica

ASKED = {"leg_id": "test-a/o:1/merchant:m1/1", "actor": "Ann", "reason": "mended"}
BOB = {"actor": "Bob", "reason": "seen"}


async def failing(replica: Replica, orders: int = 1, reason: str = "ACCOUNT_ABNORMAL") -> None:
    """Have the merchant's leg of so many orders fail, one after the other."""
    await replica.take(merchant("m1", agreement()))
    for number in range(1, orders + 1):
        await replica.take(paid_order(order_id=f"{number}"))
        await replica.take(told(replica.published.payouts()[-1], "failed", reason, "merchant:m1"))
    await replica.parts.deadlines.once()


async def queue(api: httpx.AsyncClient, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - a query
    answer = await api.get("operator/legs", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_queue_says_whose_leg_it_is_why_and_since_when(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica)
    (leg,) = (await queue(api))["items"]
    assert leg["age_s"] < 60
    assert leg | {"since": "", "age_s": 0} == {
        "leg_id": "test-a/o:1/merchant:m1/1",
        "order_id": "1",
        "charge_id": "",
        "receiver": "merchant:m1",
        "amount_minor": 8_800,
        "currency": "BRL",
        "channel_profile": "sandbox-direct",
        "channel_account": "test-a",
        "attempt": 1,
        "payout_id": "o:1.1",
        "reason": "ACCOUNT_ABNORMAL",
        "why": "never_retried",
        "since": "",
        "age_s": 0,
    }


async def test_what_split_pays_again_by_itself_is_not_in_the_queue(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica, reason="CHANNEL_BUSY")
    assert (await queue(api))["items"] == []


async def test_a_reason_in_no_list_is_an_operators(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica, reason="NEVER HEARD OF IT")
    assert [it["why"] for it in (await queue(api))["items"]] == ["unlisted"]


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_pages_have_no_gap_and_no_repeat(replica: Replica, api: httpx.AsyncClient, limit: int) -> None:
    await failing(replica, orders=5)
    found, page = list[str](), await queue(api, limit=limit)
    while True:
        found += [it["order_id"] for it in page["items"]]
        if page["next_cursor"] is None:
            break
        page = await queue(api, limit=limit, cursor=page["next_cursor"])
    assert found == ["1", "2", "3", "4", "5"]


async def test_one_asks_and_another_approves(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica)
    answer = await api.post("operator/legs/retry", json=ASKED, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["state"], answer.json()["action"]) == (202, "requested", "leg_retry")
    assert len(replica.published.payouts()) == 1
    path = f"approvals/{answer.json()['approval_id']}/approve"
    same = await api.post(path, json=BOB | {"actor": "Ann"}, headers={"idempotency-key": "d"})
    assert (same.status_code, same.json()["reason"]) == (409, "same_person")
    done = await api.post(path, json=BOB, headers={"idempotency-key": "d"})
    assert (done.status_code, done.json()["outcome"]) == (200, "o:1.2")
    assert len(replica.published.payouts()) == 2
    assert (await queue(api))["items"] == []


async def test_a_write_off_needs_two_people_too(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica)
    answer = await api.post("operator/legs/write-off", json=ASKED, headers={"idempotency-key": "k"})
    assert answer.status_code == 202
    path = f"approvals/{answer.json()['approval_id']}/approve"
    assert (await api.post(path, json=BOB, headers={"idempotency-key": "d"})).json()["outcome"] == "suspense/test-a"
    assert (await queue(api))["items"] == []


async def test_other_marketplaces_see_and_do_nothing(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica)
    other = "http://split/v1/marketplaces/test-b/operator/legs"
    assert (await api.get(other)).json()["items"] == []
    for deed in ("retry", "write-off"):
        answer = await api.post(f"{other}/{deed}", json=ASKED, headers={"idempotency-key": "k"})
        assert (answer.status_code, answer.json()["reason"]) == (404, "leg_unknown")
