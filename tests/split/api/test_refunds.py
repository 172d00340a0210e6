"""Refunds over HTTP: where each stands and what pays it, those in a state, and a new try by two people."""

from typing import Any

import httpx
import pytest
from tests.split.api.asking import got, pages, refused
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.moneys import approval, moved, settled
from tests.split.replica import Replica
from tests.split.replica import settled as paid

NEWS = merchant("m1", agreement(commission_bp=1_000))
RETRY = {"order_id": "1", "refund_id": "r1", "actor": "Ann", "reason": "the account was mended"}
BOB = {"actor": "Bob", "reason": "seen"}


async def sold(replica: Replica, order_id: str = "1") -> None:
    """Have an order of 10.00 paid out: 9.00 to m1, 1.00 commission."""
    await replica.take(NEWS, paid_order(line(1, 1_000), order_id=order_id))
    await replica.take(paid(replica.published.payouts()[-1]))


async def failing(replica: Replica, order_id: str = "1", refund_id: str = "r1") -> None:
    """Have a refund of 4.00 fail at the buyer's bank."""
    await sold(replica, order_id)
    await replica.take(approval(400, order_id=order_id, refund_id=refund_id))
    plan = replica.published.plans()[-1]
    await replica.take(settled(plan, "failed", rest="failed", reason="ACCOUNT_CLOSED"))


async def only(api: httpx.AsyncClient, order_id: str = "1") -> dict[str, Any]:
    (item,) = (await got(api, f"orders/{order_id}/refunds"))["items"]
    return dict(item)


async def test_a_refund_says_who_bears_it_what_each_gave_and_how_far_it_is(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await sold(replica)
    await replica.take(approval(400))
    it = await only(api)
    assert (it["state"], it["reason"], it["amount_minor"], it["revision"]) == ("requested", "", 400, 1)
    assert it["lines"] == [
        {"line_id": "l1", "freight": False, "amount_minor": 400, "bearer": "original_payee", "bearing_merchant": ""}
    ]
    assert it["given"] == [
        {"source": "returns", "party": "merchant:m1", "amount_minor": 360},
        {"source": "platform", "party": "platform:commission", "amount_minor": 40},
    ]
    assert [(part["receiver"], part["amount_minor"], part["state"]) for part in it["returns"]] == [
        ("merchant:m1", 360, "requested")
    ]
    await replica.take(settled(replica.published.plans()[-1]))
    it = await only(api)
    assert (it["state"], it["settled_revision"]) == ("succeeded", 1)
    assert {part["state"] for name in ("returns", "fundings", "payments") for part in it[name]} == {"succeeded"}


async def test_what_did_not_come_back_is_shown_as_an_advance_that_its_receiver_owes(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await sold(replica)
    await replica.take(approval(400))
    await replica.take(settled(replica.published.plans()[-1], "failed", returns="failed", rest="cancelled"))
    it = await only(api)
    assert it["revision"] == 2
    assert {given["source"]: (given["party"], given["amount_minor"]) for given in it["given"]} == {
        "advance": ("merchant:m1", 360),
        "platform": ("platform:commission", 40),
    }


async def test_a_refund_that_waits_says_for_what_until_when_and_what_it_called_off(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(NEWS, paid_order(line(1, 1_000)))
    await replica.take(approval(400))
    it = await only(api)
    assert (it["state"], it["reason"], it["called_off"], it["given"]) == ("waiting", "legs_under_way", ["o:1.1"], [])
    assert it["waits_until"] is not None
    assert (it["amount_minor"], it["lines"][0]["bearer"]) == (400, None)


async def test_a_refund_that_is_approved_before_its_order_waits_for_it(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(approval(400))
    it = await only(api)
    assert (it["state"], it["reason"], it["amount_minor"], it["currency"]) == ("waiting", "order_unknown", 400, None)


async def test_a_refund_of_a_merchant_without_an_agreement_says_that_it_waits_for_one(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(paid_order(line(1, 1_000)))
    await replica.take(approval(400))
    assert (await only(api))["reason"] == "undecided:m1"
    (item,) = (await got(api, "refunds", state="waiting"))["items"]
    assert (item["reason"], item["amount_minor"]) == ("undecided:m1", 400)


async def test_a_chargeback_is_among_the_refunds_of_its_order(replica: Replica, api: httpx.AsyncClient) -> None:
    await sold(replica)
    await replica.take(moved("chargeback", 1_000))
    it = await only(api)
    assert (it["kind"], it["movement_id"], it["amount_minor"]) == ("chargeback", "m1", 1_000)
    assert it["lines"] == [
        {"line_id": "", "freight": False, "amount_minor": 1_000, "bearer": "proportional", "bearing_merchant": ""}
    ]


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_refunds_in_a_state_are_listed_without_gap_and_repeat(
    replica: Replica, api: httpx.AsyncClient, limit: int
) -> None:
    await replica.take(NEWS)
    for number in range(1, 4):
        await replica.take(paid_order(line(1, 1_000), order_id=f"{number}"))
        await replica.take(*[approval(2_000, order_id=f"{number}", refund_id=f"r{number}{it}") for it in "ab"])
    items = [it for page in await pages(api, "refunds", state="refused", limit=limit) for it in page["items"]]
    assert [it["refund_id"] for it in items] == ["r1a", "r1b", "r2a", "r2b", "r3a", "r3b"]
    assert {(it["reason"], it["amount_minor"]) for it in items} == {("refund_exceeds_paid", 2_000)}
    assert await got(api, "refunds", state="failed") == {"items": [], "next_cursor": None}
    other = "http://split/v1/marketplaces/test-b/refunds"
    assert await got(api, other, state="refused") == {"items": [], "next_cursor": None}


async def test_what_waits_for_funds_or_has_failed_is_measured_until_it_ends(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await sold(replica)
    await replica.take(approval(400))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan, "waiting_funds", rest="created", reason="NOT_ENOUGH"))
    (item,) = (await got(api, "refunds", state="waiting_funds"))["items"]
    assert (item["refund_id"], item["reason"], item["age_s"] < 60) == ("r1", "NOT_ENOUGH", True)
    await replica.clock.ask()
    await replica.sample_metrics()
    assert replica.sample("weir_refunds_stuck", state="waiting_funds") == 1
    assert replica.sample("weir_refunds_stuck_oldest_seconds", state="waiting_funds") < 60
    await replica.take(settled(plan, revision=2))
    await replica.sample_metrics()
    assert replica.sample("weir_refunds_stuck", state="waiting_funds") == 0
    assert (await got(api, "refunds", state="succeeded"))["items"][0]["refund_id"] == "r1"


async def test_a_failed_refund_is_tried_again_under_its_id_when_somebody_else_approves(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await failing(replica)
    (item,) = (await got(api, "refunds", state="failed"))["items"]
    assert (item["order_id"], item["refund_id"], item["reason"]) == ("1", "r1", "ACCOUNT_CLOSED")
    answer = await api.post("operator/refunds/retry", json=RETRY, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["action"], answer.json()["subject"]) == (202, "refund_retry", "1/r1")
    assert len(replica.published.plans()) == 1
    path = f"approvals/{answer.json()['approval_id']}/approve"
    done = await api.post(path, json=BOB, headers={"idempotency-key": "d"})
    assert (done.status_code, done.json()["outcome"]) == (200, "r1.2")
    first, again = replica.published.plans()
    assert (again.refund_id, again.revision) == ("r1", 2)
    assert (again.returns, again.fundings, again.refunds) == (first.returns, first.fundings, first.refunds)
    same = await api.post(path, json=BOB, headers={"idempotency-key": "d"})
    assert same.json() == done.json()
    assert len(replica.published.plans()) == 2
    await replica.take(settled(again, revision=3))
    assert await replica.balances() == {}
    assert (await only(api))["state"] == "succeeded"


async def test_a_new_try_is_refused_where_there_is_nothing_to_try(replica: Replica, api: httpx.AsyncClient) -> None:
    await failing(replica)

    async def asked(url: str = "operator/refunds/retry", **fields: str) -> tuple[int, str]:
        answer = await api.post(url, json=RETRY | fields, headers={"idempotency-key": "k"})
        return answer.status_code, str(answer.json().get("reason"))

    assert await asked(order_id="9") == (404, "order_unknown")
    assert await asked(refund_id="r9") == (404, "refund_unknown")
    assert await asked("http://split/v1/marketplaces/test-b/operator/refunds/retry") == (404, "order_unknown")
    await replica.take(moved("chargeback", 100))
    assert await asked() == (409, "chargeback_open")
    await replica.take(moved("chargeback_reversed", 100, movement_id="m2", reverses="m1"))
    await replica.take(settled(replica.published.plans()[0], revision=3))
    assert await asked() == (409, "refund_not_failed")


async def test_what_cannot_be_answered_says_why(api: httpx.AsyncClient) -> None:
    nowhere = "http://split/v1/marketplaces/nowhere"
    assert await refused(api, f"{nowhere}/refunds", state="failed") == (404, "marketplace_unknown")
    assert await refused(api, f"{nowhere}/orders/1/refunds") == (404, "marketplace_unknown")
    assert await refused(api, "orders/9/refunds") == (404, "order_unknown")
    assert await refused(api, "refunds", state="failed", cursor="x") == (422, "cursor_invalid")
    assert (await refused(api, "refunds", state="lost"))[0] == 422
