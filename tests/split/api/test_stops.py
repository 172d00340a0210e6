"""Pausing payouts and letting them go on, over HTTP."""

from typing import Any

import httpx
import pytest
from tests.split.examples import agreement, merchant, paid_order
from tests.split.replica import Replica

WHOLE = {"scope": "marketplace", "actor": "Ann", "reason": "the bank asked"}
M1 = WHOLE | {"scope": "merchant", "subject": "m1"}


async def posted(api: httpx.AsyncClient, path: str, body: Any, key: str) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    answer = await api.post(path, json=body, headers={"idempotency-key": key})
    return answer.status_code, answer.json()


async def test_what_is_paused_shows_who_why_and_how_much_it_holds(replica: Replica, api: httpx.AsyncClient) -> None:
    status, paused = await posted(api, "payouts/pause", WHOLE, "k1")
    assert (status, paused["paused"], paused["scope"], paused["subject"]) == (200, True, "marketplace", "")
    await posted(api, "payouts/pause", M1, "k2")
    await replica.take(merchant("m1", agreement()), paid_order(), paid_order(order_id="2"))
    shown = (await api.get("payouts/stops")).json()
    assert shown["items"] == [paused | {"orders_held": 2}, shown["items"][1]]
    assert shown["items"][1] | {"at": "", "change_id": ""} == {
        "change_id": "",
        "scope": "merchant",
        "subject": "m1",
        "paused": True,
        "actor": "Ann",
        "reason": "the bank asked",
        "at": "",
        "orders_held": 0,
    }
    assert (await posted(api, "payouts/resume", WHOLE | {"actor": "Bob"}, "k3"))[1]["paused"] is False
    await replica.parts.waker.sweep()
    (left,) = (await api.get("payouts/stops")).json()["items"]
    assert (left["scope"], left["orders_held"]) == ("merchant", 2)


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_every_change_is_kept_in_order(api: httpx.AsyncClient, limit: int) -> None:
    for number, (verb, body) in enumerate((("pause", WHOLE), ("pause", M1), ("resume", WHOLE), ("pause", WHOLE))):
        assert (await posted(api, f"payouts/{verb}", body, f"k{number}"))[0] == 200
    for path, wanted in (
        ("changes", [("marketplace", True), ("merchant", True), ("marketplace", False), ("marketplace", True)]),
        ("", [("marketplace", True), ("merchant", True)]),
    ):
        found: list[tuple[str, bool]] = []
        page: dict[str, Any] = {"next_cursor": None}
        while True:
            query = {"limit": limit} | ({"cursor": page["next_cursor"]} if page["next_cursor"] else {})
            page = (await api.get(f"payouts/stops/{path}".rstrip("/"), params=query)).json()
            found += [(it["scope"], it["paused"]) for it in page["items"]]
            if page["next_cursor"] is None:
                break
        assert found == wanted


async def test_what_is_refused_says_why(api: httpx.AsyncClient) -> None:
    assert (await posted(api, "payouts/resume", WHOLE, "k1"))[1]["reason"] == "not_paused"
    first = await posted(api, "payouts/pause", WHOLE, "k2")
    assert await posted(api, "payouts/pause", WHOLE, "k2") == first
    assert (await posted(api, "payouts/pause", M1, "k2"))[1]["reason"] == "idempotency_key_reused"
    status, answer = await posted(api, "payouts/pause", WHOLE, "k3")
    assert (status, answer["reason"]) == (409, "already_paused")
    channel = WHOLE | {"scope": "channel", "subject": "test-b"}
    status, answer = await posted(api, "payouts/pause", channel, "k4")
    assert (status, answer["reason"]) == (404, "channel_account_unknown")
    assert (await posted(api, "payouts/pause", channel | {"subject": "test-a"}, "k5"))[0] == 200
    for body in (
        WHOLE | {"subject": "m1"},
        WHOLE | {"scope": "merchant"},
        WHOLE | {"scope": "city"},
        {},
        WHOLE | {"more": 1},
    ):
        assert (await posted(api, "payouts/pause", body, "k6"))[1]["reason"] == "contract"
    assert (await api.post("payouts/pause", json=WHOLE)).json()["reason"] == "contract"
    for path in ("stops", "stops/changes"):
        answer = (await api.get(f"payouts/{path}", params={"cursor": "WzFd"})).json()
        assert answer["reason"] == "cursor_invalid"


async def test_other_marketplaces_see_nothing_and_are_not_stopped(replica: Replica, api: httpx.AsyncClient) -> None:
    await posted(api, "http://split/v1/marketplaces/test-b/payouts/pause", WHOLE, "k1")
    await replica.take(merchant("m1", agreement()), paid_order())
    assert len(replica.published.payouts()) == 1
    assert (await api.get("payouts/stops")).json()["items"] == []
    assert (await api.get("payouts/stops/changes")).json()["items"] == []
