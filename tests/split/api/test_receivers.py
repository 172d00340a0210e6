"""Binding receivers over HTTP: by consent, within the profile's number, and what waits for one goes then."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.split.channels import ECOMMERCE, WECHAT, at_channel, marketplaces
from tests.split.examples import agreement, extra, line, merchant, paid_order
from tests.split.replica import Replica

from shared import mongo
from shared.messages import SplitRequested
from shared.mongo import Database, PyMongoError

CONSENT = {"actor": "the driver", "at": "2026-01-05T08:00:00+08:00", "reference": "file 7"}
TOMORROW = CONSENT | {"at": "2126-01-01T00:00:00Z"}
BODY = {
    "actor": "Ann",
    "reason": "a driver of ours",
    "kind": "person",
    "relation": "staff",
    "name_hash": "0" * 64,
    "consent": CONSENT,
}
UNBIND = {"actor": "Ann", "reason": "left us"}


@pytest.fixture
def replica(database: Database, tmp_path: Path) -> Replica:
    return Replica(database, marketplaces(tmp_path))


def path(receiver: str, profile: str = WECHAT, owner: str = "m1") -> str:
    return f"merchants/{owner}/receivers/{profile}/test-a/{receiver}"


async def bind(
    api: httpx.AsyncClient,
    receiver: str,
    key: str = "",
    profile: str = WECHAT,
    **changes: Any,  # noqa: ANN401 - JSON
) -> tuple[int, dict[str, Any]]:
    headers = {"idempotency-key": key or f"bind-{receiver}"}
    answer = await api.put(path(receiver, profile), json=BODY | changes, headers=headers)
    return answer.status_code, answer.json()


async def unbind(api: httpx.AsyncClient, receiver: str, key: str) -> tuple[int, dict[str, Any]]:
    answer = await api.post(f"{path(receiver)}/unbind", json=UNBIND, headers={"idempotency-key": key})
    return answer.status_code, answer.json()


async def states(api: httpx.AsyncClient) -> dict[str, str]:
    items = (await api.get("merchants/m1/receivers")).json()["items"]
    return {it["receiver"]: it["state"] for it in items}


async def test_a_receiver_is_bound_by_consent_and_shown_without_its_name(api: httpx.AsyncClient) -> None:
    status, made = await bind(api, "merchant:driver-7")
    assert (status, made["state"], made["actor"], made["reason"]) == (200, "bound", "Ann", "a driver of ours")
    (shown,) = (await api.get("merchants/m1/receivers")).json()["items"]
    assert shown == {
        "merchant": "m1",
        "channel_profile": WECHAT,
        "channel_account": "test-a",
        "receiver": "merchant:driver-7",
        "state": "bound",
        "kind": "person",
        "relation": "staff",
        "relation_name": "",
        "name_hash": "0" * 64,
        "consent_actor": "the driver",
        "consent_at": "2026-01-05T00:00:00Z",
        "consent_reference": "file 7",
    }


async def test_the_same_request_again_is_answered_as_the_first_was(api: httpx.AsyncClient, database: Database) -> None:
    first = await bind(api, "merchant:a", "k1")
    assert await bind(api, "merchant:a", "k1") == first
    assert (await bind(api, "merchant:a", "k1", relation="partner"))[1]["reason"] == "idempotency_key_reused"
    assert (await unbind(api, "merchant:a", "k2"))[1]["state"] == "unbound"
    assert await bind(api, "merchant:a", "k1") == first
    assert await states(api) == {"merchant:a": "unbound"}
    assert (await unbind(api, "merchant:a", "k3"))[1]["state"] == "unbound"
    assert (await database.receiver_counts.find_one())["bound"] == 0  # type: ignore[index] # there is one
    assert await database.receiver_changes.count_documents({}) == 3


async def test_a_rebind_takes_the_new_terms_and_counts_once(api: httpx.AsyncClient, database: Database) -> None:
    await bind(api, "merchant:a", "k1")
    await bind(api, "merchant:a", "k2", relation="custom", relation_name="neighbour")
    (shown,) = (await api.get("merchants/m1/receivers")).json()["items"]
    assert (shown["relation"], shown["relation_name"]) == ("custom", "neighbour")
    assert (await database.receiver_counts.find_one())["bound"] == 1  # type: ignore[index] # there is one


async def test_a_merchant_has_no_more_receivers_than_its_profile_allows(
    api: httpx.AsyncClient, database: Database
) -> None:
    await bind(api, "merchant:a")
    await database.receiver_counts.update_one({}, {"$set": {"bound": 20_000}})
    assert (await bind(api, "merchant:b"))[1]["reason"] == "too_many_bound"
    assert (await bind(api, "merchant:a", "again", relation="partner"))[0] == 200
    assert (await bind(api, "merchant:b", profile=ECOMMERCE))[0] == 200
    await unbind(api, "merchant:a", "k")
    assert (await bind(api, "merchant:b", "once-more"))[0] == 200


@pytest.mark.parametrize(
    ("receiver", "changes", "profile", "refused"),
    [
        ("merchant:m1", {}, WECHAT, (422, "receiver_is_the_merchant")),
        ("merchant:a", {"relation": "custom"}, WECHAT, (422, "relation_unnamed")),
        ("merchant:a", {"relation_name": "cousin"}, WECHAT, (422, "relation_unnamed")),
        (
            "merchant:a",
            {"consent": TOMORROW},
            WECHAT,
            (422, "consent_in_future"),
        ),
        ("merchant:a", {}, "sandbox-direct", (422, "binding_not_needed")),
        ("merchant:a", {}, "stripe-connect", (404, "channel_account_unknown")),
        ("merchant:a", {}, "paypal", (404, "channel_account_unknown")),
        ("merchant:a", {"name": "Zhang San"}, WECHAT, (422, "contract")),
        ("merchant:a", {"name_hash": "Zhang San"}, WECHAT, (422, "contract")),
        ("merchant:a", {"consent": None}, WECHAT, (422, "contract")),
        ("platform:marketing", {}, WECHAT, (422, "contract")),
    ],
)
async def test_what_cannot_be_bound_says_why(
    api: httpx.AsyncClient, receiver: str, changes: dict[str, Any], profile: str, refused: tuple[int, str]
) -> None:
    status, problem = await bind(api, receiver, "k", profile, **changes)
    assert (status, problem["reason"]) == refused
    assert await states(api) == {}


async def test_what_was_never_bound_cannot_be_unbound(api: httpx.AsyncClient) -> None:
    assert [it if isinstance(it, int) else it["reason"] for it in await unbind(api, "merchant:a", "k")] == [
        404,
        "receiver_unknown",
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
async def test_pages_of_receivers_have_no_gap_no_repeat_and_no_strangers(api: httpx.AsyncClient, limit: int) -> None:
    for name in ("merchant:b", "merchant:a", "platform:commission"):
        await bind(api, name)
    await bind(api, "merchant:a", "k", ECOMMERCE)
    headers = {"idempotency-key": "x"}
    assert (await api.put(path("merchant:c", owner="m10"), json=BODY, headers=headers)).status_code == 200
    other = "http://split/v1/marketplaces/test-b/merchants/m1/receivers"
    assert (await api.get(other)).json()["items"] == []
    found: list[tuple[str, str]] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = (await api.get("merchants/m1/receivers", params=query)).json()
        assert len(page["items"]) <= limit
        found += [(it["channel_profile"], it["receiver"]) for it in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == [
        (ECOMMERCE, "merchant:a"),
        (WECHAT, "merchant:a"),
        (WECHAT, "merchant:b"),
        (WECHAT, "platform:commission"),
    ]


def order(order_id: str = "1") -> SplitRequested:
    receivers = (extra("driver", "merchant:m1", "fixed", 100),)
    return at_channel(paid_order(line(1, 10_000), receivers=receivers, order_id=order_id), WECHAT)


async def test_an_order_that_waits_for_a_receiver_is_paid_once_it_is_bound(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(merchant("m1", agreement(channel_profile=WECHAT)), order("1"), order("2"))
    for number in "12":
        assert (await replica.shares(f"test-a/{number}"))["merchant:m1"][:2] == ("held", "receiver_not_bound")
        assert (await replica.order(f"test-a/{number}"))["waiting_for"] == ["receivers/m1"]
    waits = await replica.database.waiting.find_one({"_id": "test-a/receivers/m1"})
    assert waits is not None
    assert waits["count"] == 2
    await bind(api, "merchant:driver")
    assert await replica.parts.waker.sweep() == 0
    assert replica.published.payouts() == []
    await bind(api, "platform:commission")
    assert await replica.parts.waker.sweep() == 2
    assert {leg.receiver for it in replica.published.payouts() for leg in it.legs} >= {"merchant:driver"}
    for number in "12":
        assert "waiting_for" not in await replica.order(f"test-a/{number}")
    waits = await replica.database.waiting.find_one({"_id": "test-a/receivers/m1"})
    assert waits is not None
    assert waits["count"] == 0


async def test_a_receiver_that_was_unbound_is_paid_no_more(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(merchant("m1", agreement(channel_profile=WECHAT)))
    await bind(api, "merchant:driver")
    await bind(api, "platform:commission")
    await replica.take(order("1"))
    assert (await replica.shares("test-a/1"))["receiver:driver"][0] == "in_transit"
    await unbind(api, "merchant:driver", "k")
    await replica.take(order("2"))
    assert (await replica.shares("test-a/2"))["merchant:m1"][:2] == ("held", "receiver_not_bound")


@pytest.mark.parametrize("bound_first", [True, False])
async def test_a_split_and_a_binding_that_see_nothing_of_each_other_meet(
    replica: Replica, api: httpx.AsyncClient, *, bound_first: bool
) -> None:
    await replica.take(merchant("m1", agreement(channel_profile=WECHAT)))
    await bind(api, "platform:commission")
    await replica.parts.waker.sweep()
    async with replica.unit(order(), "a#0") as unit:
        await unit.decide()
        if bound_first:
            assert (await bind(api, "merchant:driver"))[0] == 200
            assert await replica.parts.waker.sweep() == 0
            with pytest.raises(PyMongoError) as conflict:
                await unit.write()
            assert mongo.is_conflict(conflict.value)
            await unit.work.session.abort_transaction()
        else:
            await unit.write()
            binding = asyncio.create_task(bind(api, "merchant:driver"))
            await asyncio.sleep(0.1)
            assert not binding.done()
    if bound_first:
        await replica.take(order())
    else:
        assert (await binding)[0] == 200
        assert await replica.parts.waker.sweep() == 1
    assert (await replica.shares())["receiver:driver"][0] == "in_transit"


async def test_only_orders_whose_profile_asks_for_it_cost_a_look_at_the_registry(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    by_ids = mongo.by_ids

    async def counted(collection: mongo.Collection, identities: Iterable[object], *rest: Any) -> list[mongo.Document]:  # noqa: ANN401 - passed on
        looks.append(collection.name == "receivers")
        return await by_ids(collection, identities, *rest)

    monkeypatch.setattr(mongo, "by_ids", counted)
    await replica.take(merchant("m1", agreement()), paid_order())
    assert (await replica.shares())["merchant:m1"][0] == "in_transit"
    assert sum(looks) == 0
    await replica.take(order("2"), order("3"))
    assert sum(looks) == 1
