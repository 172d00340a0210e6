"""A marketplace's rules over HTTP: stated once for each key, refused with both rules of a tie, and shown."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.split.replica import Replica

RULE = {"rule_id": "phones", "category": "phones", "merchant": "m1", "commission_bp": 300, "tax_bp": 600}
WISH: dict[str, Any] = {
    "effective_from": "2020-01-01T08:00:00.1239+08:00",
    "rules": [RULE],
    "actor": "Ann",
    "reason": "the tariff of 2020",
}


async def posted(api: httpx.AsyncClient, body: Any, key: str = "k") -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - JSON
    answer = await api.post("rules", json=body, headers={"idempotency-key": key})
    return answer.status_code, answer.json()


async def test_rules_are_stated_answered_again_and_shown(replica: Replica, api: httpx.AsyncClient) -> None:
    status, made = await posted(api, WISH)
    assert status == 201
    assert made.pop("announced_at")
    assert made == {
        "version": 1,
        "effective_from": "2020-01-01T00:00:00.123000Z",
        "effective_to": None,
        "actor": "Ann",
        "reason": "the tariff of 2020",
        "rules_count": 1,
        "rules": [RULE],
    }
    status, again = await posted(api, WISH)
    assert (status, again | {"announced_at": None}) == (200, made | {"announced_at": None})
    later = (replica.clock.now() + timedelta(hours=2)).isoformat()
    assert (await posted(api, WISH | {"effective_from": later, "rules": []}, "k2"))[0] == 201
    shown = (await api.get("rules/1")).json()
    assert (shown["rules"], shown["effective_to"] is not None) == ([RULE], True)
    assert (await api.get("rules/2")).json()["rules"] == []
    listed = (await api.get("rules")).json()
    assert (listed["current"], [it["version"] for it in listed["versions"]]) == (1, [1, 2])
    assert [it["rules_count"] for it in listed["versions"]] == [1, 0]
    first = (await api.get("rules", params={"limit": 1})).json()
    rest = (await api.get("rules", params={"cursor": first["next_cursor"]})).json()
    assert [it["version"] for it in first["versions"] + rest["versions"]] == [1, 2]
    assert rest["next_cursor"] is None


async def test_a_marketplace_without_rules_has_none(api: httpx.AsyncClient) -> None:
    assert (await api.get("rules")).json() == {"current": None, "versions": [], "next_cursor": None}
    answer = await api.get("rules/1")
    assert (answer.status_code, answer.json()["reason"]) == (404, "rules_unknown")


async def test_a_tie_is_refused_with_both_rules_named(api: httpx.AsyncClient) -> None:
    tied = [{"rule_id": "by-sku", "sku": "s"}, {"rule_id": "by-category", "category": "c"}]
    status, answer = await posted(api, WISH | {"rules": tied})
    assert (status, answer["reason"]) == (409, "rules_tie")
    assert all(name in answer["detail"] for name in ("by-sku", "by-category"))
    assert (await api.get("rules")).json()["versions"] == []


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"rules": [RULE | {"commission_bps": 1}]}, 422, "contract"),
        ({"rules": [RULE | {"limits": [{"currency": "EUR", "flor_minor": 1}]}]}, 422, "contract"),
        ({"rules": [RULE | {"commission_bp": 10_001}]}, 422, "contract"),
        ({"rules": [RULE | {"merchant": "a b"}]}, 422, "contract"),
        ({"rules": [{"rule_id": str(number), "sku": str(number)} for number in range(501)]}, 422, "contract"),
        ({"rules": [RULE, RULE]}, 422, "rule_twice"),
        ({"rules": [RULE | {"currency": "ZZZ"}]}, 422, "currency_unknown"),
        ({"rules": [RULE | {"size_from_minor": 5}]}, 422, "size_invalid"),
        ({"effective_to": "2020-01-01T00:00:00Z"}, 422, "period_empty"),
        ({"actor": ""}, 422, "contract"),
        ({"reason": None}, 422, "contract"),
        ({"effective_from": "2020-01-01"}, 422, "contract"),
        ({"tariff": 1}, 422, "contract"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    api: httpx.AsyncClient, change: dict[str, Any], status: int, reason: str
) -> None:
    answered, answer = await posted(api, WISH | change)
    assert (answered, answer["reason"]) == (status, reason)


async def test_a_change_of_what_is_in_force_needs_the_lead_time_and_a_key(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await posted(api, WISH)
    soon = (replica.clock.now() + timedelta(minutes=59)).isoformat()
    status, answer = await posted(api, WISH | {"effective_from": soon}, "k2")
    assert (status, answer["reason"]) == (422, "rules_too_soon")
    status, answer = await posted(api, WISH | {"rules": []}, "k2")
    assert (status, answer["reason"]) == (409, "effective_from_taken")
    status, answer = await posted(api, WISH | {"rules": []})
    assert (status, answer["reason"]) == (409, "idempotency_key_reused")
    bare = await api.post("rules", json=WISH)
    assert (bare.status_code, bare.json()["reason"]) == (422, "contract")
    other = await api.get("http://split/v1/marketplaces/test-b/rules")
    assert other.json()["versions"] == []
    nowhere = await api.get("http://split/v1/marketplaces/nowhere/rules")
    assert (nowhere.status_code, nowhere.json()["reason"]) == (404, "marketplace_unknown")
