"""What an order waits for, and holds by hand, over HTTP."""

from typing import Any

import httpx
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.goods import case, progress
from tests.split.replica import Replica

NEWS = merchant("m1", agreement(trigger="completed", trigger_days=7))
ORDER = paid_order(line(1, 1_000), line(2, 500), line(3, 700, merchant="m2"))
ANN = {"actor": "ann", "reason": "looks stolen"}
BOB = {"actor": "bob", "reason": "seen"}


async def asked(
    api: httpx.AsyncClient, method: str, path: str, body: dict[str, Any], key: str = "k1"
) -> tuple[int, dict[str, Any]]:
    answer = await api.request(method, path, json=body, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json()


async def test_a_held_share_says_line_by_line_what_it_waits_for(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(NEWS, ORDER)
    soon = replica.clock.now()
    await replica.take(progress("completed", "l1", occurred_at=soon), case(1, "l2"))
    answer = (await api.get("orders/1/split")).json()
    own, other = answer["shares"]
    assert [(it["line_id"], it["reason"]) for it in own["waits"]] == [
        ("l1", "awaiting_completed"),
        ("l2", "frozen:case:c"),
    ]
    first, second = own["waits"]
    assert (first["due_at"], second["due_at"]) == (answer["look_at"], None)
    assert own["due_at"] == first["due_at"] > soon.isoformat()
    assert (other["reason"], other["waits"], other["due_at"]) == ("merchant_unknown", [], None)
    (stop,) = answer["freezes"]
    assert stop == {
        "owner": "case:c",
        "revision": 1,
        "open": True,
        "stops": True,
        "reason": "arrived broken",
        "line_ids": ["l2"],
        "expires_at": None,
    }
    (event,) = answer["progress"]
    assert (event["kind"], event["progress_id"], event["line_ids"]) == ("completed", "1", ["l1"])


async def test_what_is_paid_waits_for_nothing_and_a_stub_shows_what_has_come(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(case())
    early = (await api.get("orders/1/split")).json()
    assert (early["state"], early["shares"], [it["owner"] for it in early["freezes"]]) == ("waiting", [], ["case:c"])
    await replica.take(case(2, state="closed"), merchant("m1", agreement()), merchant("m2", agreement()), ORDER)
    answer = (await api.get("orders/1/split")).json()
    assert {it["state"] for it in answer["shares"]} == {"in_transit"}
    assert [it["waits"] for it in answer["shares"]] == [[]] * len(answer["shares"])
    assert (answer["look_at"], [it["stops"] for it in answer["freezes"]]) == (None, [False])


async def test_a_share_that_is_held_for_another_reason_says_so_of_its_lines(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await replica.take(merchant("m1", agreement(), blocked=("kyc",)), paid_order())
    (own,) = (await api.get("orders/1/split")).json()["shares"]
    assert [(it["line_id"], it["reason"]) for it in own["waits"]] == [("l1", "blocked:kyc")]


async def test_an_order_is_frozen_by_one_person_and_let_go_by_two(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(NEWS, ORDER)
    path = "orders/1/freezes/f1"
    status, made = await asked(api, "PUT", path, ANN | {"line_ids": ["l1"], "expires_at": "2999-01-01T00:00:00Z"})
    assert (status, made["open"], made["line_ids"], made["actor"]) == (200, True, ["l1"], "ann")
    assert await asked(api, "PUT", path, ANN | {"line_ids": ["l1"], "expires_at": "2999-01-01T00:00:00Z"}) == (
        200,
        made,
    )
    status, wished = await asked(api, "DELETE", path, ANN, "k2")
    assert (status, wished["state"], wished["subject"], wished["action"]) == (202, "requested", path, "hold_release")
    verdict = f"approvals/{wished['approval_id']}/approve"
    assert (await asked(api, "POST", verdict, ANN, "k3"))[1]["reason"] == "same_person"
    status, done = await asked(api, "POST", verdict, BOB, "k4")
    assert (status, done["state"], done["outcome"]) == (200, "approved", "nothing_was_due")
    changes = (await api.get("orders/1/freezes")).json()["items"]
    assert [(it["open"], it["actor"], it["approved_by"]) for it in changes] == [
        (True, "ann", ""),
        (False, "ann", "bob"),
    ]
    assert [it["open"] for it in (await api.get("orders/1/split")).json()["freezes"]] == [False]


async def test_lines_are_let_go_before_their_time(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(NEWS, ORDER)
    status, wished = await asked(api, "POST", "orders/1/releases", ANN | {"line_ids": ["l1", "l2"]})
    assert (status, wished["details"]) == (202, {"order_id": "1", "lines": "l1/l2"})
    _, done = await asked(api, "POST", f"approvals/{wished['approval_id']}/approve", BOB, "k2")
    assert done["outcome"] == "o:1.1"


async def test_every_no_says_why(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(NEWS, ORDER)
    past = {"expires_at": "2020-01-01T00:00:00Z"}
    for method, path, body, refused in (
        ("PUT", "orders/none/freezes/f", ANN, (404, "order_unknown")),
        ("PUT", "orders/1/freezes/f", ANN | {"line_ids": ["l9"]}, (422, "line_unknown")),
        ("PUT", "orders/1/freezes/f", ANN | past, (422, "expiry_past")),
        ("PUT", "orders/1/freezes/f", {"actor": "ann"}, (422, "contract")),
        ("PUT", "orders/1/freezes/f", ANN | {"lines": ["l1"]}, (422, "contract")),
        ("PUT", "orders/1/freezes/f", ANN | {"expires_at": "tomorrow"}, (422, "contract")),
        ("DELETE", "orders/1/freezes/f", ANN, (404, "freeze_unknown")),
        ("POST", "orders/none/releases", ANN, (404, "order_unknown")),
        ("POST", "orders/1/releases", ANN | {"line_ids": ["l9"]}, (422, "line_unknown")),
    ):
        status, answer = await asked(api, method, path, body)
        assert (status, answer["reason"]) == refused
    await asked(api, "PUT", "orders/1/freezes/f", ANN)
    status, answer = await asked(api, "PUT", "orders/1/freezes/f", ANN | {"line_ids": ["l1"]}, "k2")
    assert (status, answer["reason"]) == (409, "freeze_would_release")
    assert (await api.put("orders/1/freezes/f", json=ANN)).status_code == 422


async def test_the_list_of_changes_goes_on_page_by_page(replica: Replica, api: httpx.AsyncClient) -> None:
    await replica.take(NEWS, ORDER)
    for number in range(3):
        await asked(api, "PUT", f"orders/1/freezes/f{number}", ANN, f"k{number}")
    first = (await api.get("orders/1/freezes", params={"limit": 2})).json()
    last = (await api.get("orders/1/freezes", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [it["freeze_id"] for it in (*first["items"], *last["items"])] == ["f0", "f1", "f2"]
    assert last["next_cursor"] is None
    assert (await api.get("orders/1/freezes", params={"cursor": "x"})).json()["reason"] == "cursor_invalid"
