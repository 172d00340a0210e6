"""What receivers see of their earnings over HTTP: every order once, the newest first, in pages that fit each other."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from tests.split.decisions import SHANGHAI
from tests.split.examples import PAID_AT, agreement, extra, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared.messages import OrderProgressed, SplitRequested
from split.store.blocks import BY_ACCOUNT
from split.store.earnings import Mark, first_bookings

REWARD = {
    "actor": "Ann",
    "reason": "hundredth ride",
    "receiver": "driver",
    "amount_minor": 500,
    "currency": "BRL",
    "channel_profile": "sandbox-direct",
    "channel_account": "test-a",
}
BOB = {"actor": "Bob", "reason": "seen"}
PATIENT = {"trigger": "delivered", "trigger_days": 7}


def order(number: int | str, seller: str = "m1", amount: int = 1_000) -> SplitRequested:
    receivers = (extra("driver", f"merchant:{seller}", "fixed", 100),)
    return paid_order(line(1, amount, merchant=seller), receivers=receivers, order_id=f"{number}")


async def walked(api: httpx.AsyncClient, receiver: str = "driver", **query: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a query
    """Read all pages."""
    items: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"currency": "BRL"} | query
    for _ in range(20):
        answer = await api.get(f"receivers/{receiver}/earnings", params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        assert len(page["items"]) == asked["limit"]
        asked["cursor"] = page["next_cursor"]
    pytest.fail("the pages have no end")


async def reward(api: httpx.AsyncClient, key: str) -> str:
    asked = (await api.post("rewards", json=REWARD, headers={"idempotency-key": key})).json()
    path = f"approvals/{asked['approval_id']}/approve"
    assert (await api.post(path, json=BOB, headers={"idempotency-key": key})).status_code == 200
    return str(asked["approval_id"])


async def test_a_driver_sees_from_which_order_how_much_and_when(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()), merchant("m2", agreement(**PATIENT)))
    await replica.take(order("paid"), order("sent"))
    await replica.take(order("held", "m2"))
    await replica.take(settled(replica.published.payouts()[0]))
    (held, *others) = await walked(api)
    assert (held["kind"], held["id"], held["currency"]) == ("order", "held", "BRL")
    assert held["amounts"] == [
        {"amount_minor": 100, "state": "expected", "reason": "awaiting_delivered", "pay_at": None, "payout_id": ""}
    ]
    assert {it["id"]: it["amounts"][0]["state"] for it in others} == {"paid": "paid", "sent": "in_transit"}

    now = datetime.now(UTC).replace(microsecond=0)
    news = OrderProgressed(marketplace="test-a", order_id="held", kind="delivered", progress_id="d", occurred_at=now)
    await replica.take(news)
    (held, *_) = await walked(api)
    due = SHANGHAI.after(now, 7, working=False)
    assert datetime.fromisoformat(held["amounts"][0]["pay_at"]) == due > now


async def test_a_seller_and_an_outlet_see_their_own_only(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()), order("1"))
    (seller,), (driver,) = await walked(api, "m1"), await walked(api, "driver")
    assert ([it["amount_minor"] for it in seller["amounts"]], [it["amount_minor"] for it in driver["amounts"]]) == (
        [780],
        [100],
    )
    assert await walked(api, "stranger") == []
    assert await walked(api, currency="CNY") == []
    other = await api.get("http://split/v1/marketplaces/test-b/receivers/driver/earnings", params={"currency": "BRL"})
    assert other.json()["items"] == []


async def test_a_seller_who_is_a_receiver_too_sees_an_order_once(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement(**PATIENT)), merchant("m2", agreement()))
    receivers = (extra("m2", "merchant:m1", "fixed", 70),)
    await replica.take(paid_order(line(1, 1_000), line(2, 500, merchant="m2"), receivers=receivers))
    (seen,) = await walked(api, "m2")
    assert [(it["amount_minor"], it["state"]) for it in seen["amounts"]] == [(440, "in_transit"), (70, "expected")]


async def test_a_reward_stands_among_the_earnings(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement()), order("1"))
    charge = await reward(api, "k1")
    found = await walked(api)
    assert [(it["kind"], it["id"], it["amounts"][0]["amount_minor"]) for it in found] == [
        ("reward", charge, 500),
        ("order", "1", 100),
    ]


async def scene(replica: Replica, api: httpx.AsyncClient) -> list[str]:
    """Book eleven things of the driver's, several a unit of work; return their ids, the newest unit first."""
    await replica.take(merchant("m1", agreement()), merchant("m2", agreement(**PATIENT)))
    units = [
        [order("a1"), order("a2", "m2"), order("a3"), order("a4", "m2")],
        [order("b1", "m2"), order("b2", "m2")],
        [order("c1"), order("c2"), order("c3")],
        [order("d1", "m3")],
    ]
    for unit in units:
        await replica.take(*unit)
    for payout in replica.published.payouts():
        await replica.take(settled(payout, "failed"), settled(payout, "returned", revision=2))
    await replica.take(merchant("m3", agreement()))
    await replica.parts.releases.release("test-a/m3")
    charge = await reward(api, "k")
    return [charge, "d1", *(it.order_id for unit in reversed(units[:3]) for it in unit)]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_pages_have_no_gap_and_no_repeat_and_the_newest_first(
    replica: Replica, api: httpx.AsyncClient, limit: int
) -> None:
    wanted = await scene(replica, api)
    found = await walked(api, limit=limit)
    assert sorted(it["id"] for it in found) == sorted(wanted)
    times = [it["split_at"] for it in found]
    assert times == sorted(times, reverse=True)
    assert [it["id"] for it in found] == [it["id"] for it in await walked(api, limit=100)]
    assert [it["id"] for it in found if it["id"][0] in "ac"] == ["c3", "c2", "c1", "a3", "a1", "a4", "a2"]


async def test_what_comes_between_two_pages_changes_nothing_behind(replica: Replica, api: httpx.AsyncClient) -> None:
    wanted = await scene(replica, api)
    first = (await api.get("receivers/driver/earnings", params={"currency": "BRL", "limit": 4})).json()
    await replica.take(order("e1"), order("e2", "m2"))
    rest = await walked(api, limit=100, cursor=first["next_cursor"])
    assert sorted(it["id"] for it in [*first["items"], *rest]) == sorted(wanted)


async def test_only_orders_that_are_held_note_their_receivers(replica: Replica, api: httpx.AsyncClient) -> None:
    await scene(replica, api)
    held = replica.database.orders.find({"expecting": "driver"})
    assert {it["order_id"] async for it in held} == {"a2", "a4", "b1", "b2", "d1"}
    assert await replica.database.orders.count_documents({"expecting": {"$exists": True}}) == 5


async def test_a_page_reads_by_indexes_and_sorts_nothing(replica: Replica, api: httpx.AsyncClient) -> None:
    await scene(replica, api)
    mark = Mark(PAID_AT.replace(year=2100), listed=True, id="ffffffff-ffff-ffff-ffff-ffffffffffff.00")
    for before in (None, mark):
        stages = first_bookings("test-a", "driver", "BRL", before, 10)
        pipeline = {"aggregate": "blocks", "pipeline": stages, "cursor": {}, "hint": dict(BY_ACCOUNT)}
        plan = str(await replica.database.command("explain", pipeline, verbosity="queryPlanner"))
        assert "SORT_MERGE" in plan
        assert "'stage': 'SORT'" not in plan
        assert "COLLSCAN" not in plan
    await replica.database.command("profile", 2)
    await walked(api, limit=3)
    await replica.database.command("profile", 0)
    query = {"op": "query", "command.filter.expecting": "driver"}
    asked = [it async for it in replica.database["system.profile"].find(query)]
    assert asked
    assert {it["planSummary"].partition(" ")[0] for it in asked} == {"IXSCAN"}
    assert not any(it.get("hasSortStage") for it in asked)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({}, "contract"),
        ({"currency": "brl"}, "contract"),
        ({"currency": "BRL", "limit": 101}, "contract"),
        ({"currency": "BRL", "cursor": "nonsense"}, "cursor_invalid"),
        ({"currency": "BRL", "cursor": "WzksIDEsICJhIl0="}, ""),
        ({"currency": "BRL", "cursor": "Wzk5OTk5OTk5OTk5OTk5OTk5LCAxLCAiYSJd"}, "cursor_invalid"),
    ],
)
async def test_what_cannot_be_answered_says_why(api: httpx.AsyncClient, query: dict[str, Any], reason: str) -> None:
    answer = await api.get("receivers/driver/earnings", params=query)
    assert answer.json().get("reason", "") == reason
    assert answer.status_code == (422 if reason else 200)
