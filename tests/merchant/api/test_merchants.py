"""Merchants and agreements over HTTP: what is answered, what is refused, and that a repeat is answered the same."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.merchant.published import Published

from shared.messages import MerchantChanged, Rule, decode

pytestmark = pytest.mark.infra

ALICE = {"name": "Alice & Co", "kind": "pop"}
TERMS: dict[str, Any] = {
    "effective_from": "2020-01-01T00:00:00+08:00",
    "channel_profile": "sandbox-direct",
    "commission_bp": 1200,
}


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


async def test_a_merchant_is_created_changed_and_shown(client: httpx.AsyncClient) -> None:
    created = await client.put("test-shop/merchants/alice", json=ALICE)
    again = await client.put("test-shop/merchants/alice", json=ALICE)
    assert (created.status_code, again.status_code) == (200, 200)
    assert created.json() == again.json()
    assert created.json() == {"marketplace": "test-shop", "merchant": "alice", "version": 1, "blocked": []} | ALICE
    changed = await client.put("test-shop/merchants/alice", json=ALICE | {"blocked": ["kyc_missing"]})
    assert (changed.json()["version"], changed.json()["blocked"]) == (2, ["kyc_missing"])
    assert (await client.get("test-shop/merchants/alice")).json() == changed.json()


async def test_an_agreement_stated_twice_is_answered_with_the_same_version(
    client: httpx.AsyncClient, published: Published
) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    first = await client.post("test-shop/merchants/alice/agreements", json=TERMS)
    again = await client.post(
        "test-shop/merchants/alice/agreements", json=TERMS | {"effective_from": "2019-12-31T16:00:00Z"}
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert first.json()["version"] == 1
    assert first.json()["effective_from"] == "2019-12-31T16:00:00Z"
    assert len(published.records) == 2


async def test_a_key_makes_one_version_however_often_it_is_sent(client: httpx.AsyncClient) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    key = {"idempotency-key": "k-1"}
    first = await client.post("test-shop/merchants/alice/agreements", json=TERMS, headers=key)
    again = await client.post("test-shop/merchants/alice/agreements", json=TERMS, headers=key)
    other = await client.post("test-shop/merchants/alice/agreements", json=TERMS | {"commission_bp": 1}, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json() == first.json()
    assert other.json()["reason"] == "idempotency_key_reused"


async def test_a_change_of_what_is_in_force_needs_the_lead_time_and_ends_the_former(client: httpx.AsyncClient) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    await client.post("test-shop/merchants/alice/agreements", json=TERMS)
    soon = await client.post("test-shop/merchants/alice/agreements", json=TERMS | {"effective_from": in_hours(0.9)})
    assert (soon.status_code, soon.json()["reason"]) == (422, "agreement_too_soon")
    later = await client.post("test-shop/merchants/alice/agreements", json=TERMS | {"effective_from": in_hours(1.1)})
    assert later.status_code == 201
    shown = (await client.get("test-shop/merchants/alice/agreements")).json()["agreements"]
    assert [it["version"] for it in shown] == [1, 2]
    assert shown[0]["effective_to"] == shown[1]["effective_from"] == later.json()["effective_from"]


async def test_other_terms_at_the_same_moment_are_a_conflict(client: httpx.AsyncClient) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    await client.post("test-shop/merchants/alice/agreements", json=TERMS)
    answer = await client.post("test-shop/merchants/alice/agreements", json=TERMS | {"commission_bp": 1})
    assert (answer.status_code, answer.json()["reason"]) == (409, "effective_from_taken")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("GET", "test-shop/merchants/nobody", None, 404, "merchant_unknown"),
        ("GET", "test-shop/merchants/nobody/agreements", None, 404, "merchant_unknown"),
        ("POST", "test-shop/merchants/nobody/agreements", TERMS, 404, "merchant_unknown"),
        ("GET", "nowhere/merchants", None, 404, "marketplace_unknown"),
        ("PUT", "nowhere/merchants/a", ALICE, 404, "marketplace_unknown"),
        ("GET", "test-shop/merchants?cursor=xyz", None, 422, "cursor_invalid"),
        ("GET", "test-shop/merchants?limit=501", None, 422, "contract"),
        ("PUT", "test-shop/merchants/a%20b", ALICE, 422, "contract"),
        ("PUT", "test-shop/merchants/a%0A", ALICE, 422, "contract"),
        ("PUT", "test-shop/merchants/platform:fee", ALICE, 422, "merchant_reserved"),
        ("PUT", "test-shop/merchants/a", {"name": "A", "colour": "red"}, 422, "contract"),
        ("PUT", "test-shop/merchants/a", {"name": "A\n"}, 422, "contract"),
        ("POST", "test-shop/merchants/nobody/agreements", TERMS | {"comission_bp": 1}, 422, "contract"),
        ("POST", "test-shop/merchants/nobody/agreements", TERMS | {"commission_bp": 10_001}, 422, "contract"),
        ("POST", "test-shop/merchants/nobody/agreements", TERMS | {"commission_bp": "1200"}, 422, "contract"),
        ("POST", "test-shop/merchants/nobody/agreements", TERMS | {"rules": None}, 422, "contract"),
        (
            "POST",
            "test-shop/merchants/nobody/agreements",
            TERMS | {"rules": [{"rule_id": "a", "rate": 1}]},
            422,
            "contract",
        ),
        (
            "POST",
            "test-shop/merchants/nobody/agreements",
            TERMS | {"rules": [{"rule_id": "a", "merchant": "b"}]},
            422,
            "contract",
        ),
        ("POST", "test-shop/merchants/nobody/agreements", TERMS | {"effective_from": "2020-01-01"}, 422, "contract"),
        ("POST", "test-shop/merchants:batch", {"merchants": []}, 422, "contract"),
        ("POST", "test-shop/merchants/a", {}, 405, "method_not_allowed"),
        ("GET", "test-shop/nothing", None, 404, "route_unknown"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_form(
    client: httpx.AsyncClient, method: str, path: str, body: object, status: int, reason: str
) -> None:
    answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_rules_are_agreed_shown_and_published_and_answer_a_repeat(
    client: httpx.AsyncClient, published: Published
) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    rule = {
        "rule_id": "phones",
        "category": "phones",
        "currency": "EUR",
        "commission_bp": 300,
        "size_from_minor": 5_000,
    }
    volume = {"currency": "EUR", "volume_minor": 5, "period_end": "2019-12-31T00:00:00.1234Z"}
    stated = TERMS | {"rules": [rule], "volumes": [volume], "tax_bp": 600}
    first = await client.post("test-shop/merchants/alice/agreements", json=stated)
    again = await client.post("test-shop/merchants/alice/agreements", json=stated)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["rules"] == [rule]
    assert first.json() == again.json()
    (shown,) = (await client.get("test-shop/merchants/alice/agreements")).json()["agreements"]
    assert shown == first.json()
    event = decode(MerchantChanged, published.records[-1].value or b"")
    assert event.agreements[0].rules == (msgspec.convert(rule, Rule),)
    assert event.agreements[0].tax_bp == 600


async def test_rules_that_tie_are_refused_with_both_named(client: httpx.AsyncClient) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    rules = [{"rule_id": "by-sku", "sku": "s"}, {"rule_id": "by-category", "category": "c"}]
    answer = await client.post("test-shop/merchants/alice/agreements", json=TERMS | {"rules": rules})
    assert (answer.status_code, answer.json()["reason"]) == (409, "rules_tie")
    assert all(name in answer.json()["detail"] for name in ("by-sku", "by-category"))


async def test_unreadable_and_oversized_bodies_are_refused(client: httpx.AsyncClient) -> None:
    broken = await client.put(
        "test-shop/merchants/a", content=b'{"name": ', headers={"content-type": "application/json"}
    )
    large = await client.put("test-shop/merchants/a", json=ALICE | {"name": "x" * 1_100_000})
    assert (broken.status_code, broken.json()["reason"]) == (400, "not_json")
    assert (large.status_code, large.json()["reason"]) == (413, "body_too_large")


async def test_many_merchants_are_created_in_one_request_and_again_without_effect(
    client: httpx.AsyncClient, published: Published
) -> None:
    items = [{"merchant": f"m{it:03}", "name": f"M {it}", "kind": "pop", "agreement": TERMS} for it in range(500)]
    first = await client.post("test-shop/merchants:batch", json={"merchants": items})
    again = await client.post("test-shop/merchants:batch", json={"merchants": items})
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert first.json()["merchants"][499] == {"merchant": "m499", "version": 1, "agreement_version": 1}
    assert len(published.records) == 500
    too_many = await client.post(
        "test-shop/merchants:batch", json={"merchants": [*items, items[0] | {"merchant": "one more"}]}
    )
    assert too_many.status_code == 422


async def test_a_repeated_batch_does_not_lift_the_blocks_of_a_merchant(client: httpx.AsyncClient) -> None:
    items = {"merchants": [{"merchant": "alice", **ALICE, "agreement": TERMS}]}
    await client.post("test-shop/merchants:batch", json=items)
    await client.put("test-shop/merchants/alice", json=ALICE | {"blocked": ["kyc_missing"]})
    assert (await client.post("test-shop/merchants:batch", json=items)).json()["merchants"][0]["version"] == 2
    assert (await client.get("test-shop/merchants/alice")).json()["blocked"] == ["kyc_missing"]


async def test_every_refused_item_of_a_batch_is_named_and_nothing_is_changed(client: httpx.AsyncClient) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    await client.post("test-shop/merchants/alice/agreements", json=TERMS)
    items = [
        {"merchant": "bob", "name": "Bob", "agreement": TERMS},
        {"merchant": "alice", "name": "Renamed", "agreement": TERMS | {"commission_bp": 1}},
        {"merchant": "carol", "name": "Carol", "agreement": TERMS | {"channel_profile": "stripe-connect"}},
    ]
    answer = await client.post("test-shop/merchants:batch", json={"merchants": items})
    assert answer.status_code == 422
    assert [it["field"] for it in answer.json()["errors"]] == ["merchants.1", "merchants.2"]
    assert "effective_from_taken" in answer.json()["errors"][0]["message"]
    shown = (await client.get("test-shop/merchants")).json()["merchants"]
    assert [(it["merchant"], it["name"]) for it in shown] == [("alice", "Alice & Co")]


async def test_merchants_are_listed_page_by_page_in_order_of_their_ids(client: httpx.AsyncClient) -> None:
    names = [f"m{it:02}" for it in range(7)]
    await client.post("test-shop/merchants:batch", json={"merchants": [{"merchant": it, "name": it} for it in names]})
    await client.put("test-shop-2/merchants/m00", json=ALICE)
    found, cursor = [], None
    while True:
        page = (
            await client.get("test-shop/merchants", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))
        ).json()
        found.append([it["merchant"] for it in page["merchants"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [names[:3], names[3:6], names[6:]]


async def test_agreements_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    await client.put("test-shop/merchants/alice", json=ALICE)
    for year in (2024, 2022, 2020):
        stated = TERMS | {"effective_from": f"{year}-01-01T00:00:00Z"}
        assert (await client.post("test-shop/merchants/alice/agreements", json=stated)).status_code == 201
    first = (await client.get("test-shop/merchants/alice/agreements?limit=2")).json()
    rest = (await client.get("test-shop/merchants/alice/agreements", params={"cursor": first["next_cursor"]})).json()
    assert [it["version"] for it in first["agreements"] + rest["agreements"]] == [1, 2, 3]
    assert rest["next_cursor"] is None
