"""Previewing a split over HTTP: the same shares as the order gets when it comes, and nothing stored."""

from typing import Any

import httpx
import msgspec
from tests.split.examples import agreement, extra, line, merchant, paid_order, payment
from tests.split.replica import Replica
from tests.split.tariffs import rule

from shared.messages import SplitRequested
from split.domain.rulesets import Stated
from split.handlers.rules import Wish

SINCE = agreement().effective_from


async def previewed(api: httpx.AsyncClient, order: SplitRequested, status: int = 200) -> dict[str, Any]:
    answer = await api.post("rules/preview", json=msgspec.to_builtins(order))
    assert answer.status_code == status, answer.text
    return dict(answer.json())


async def stored(replica: Replica) -> dict[str, list[Any]]:
    """Return every document there is."""
    database = replica.database
    return {name: await database[name].find().to_list(None) for name in sorted(await database.list_collection_names())}


async def test_a_preview_is_what_the_order_gets_when_it_comes_and_stores_nothing(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    rules = (rule("all", commission_bp=700, tax_bp=600), rule("books", category="books", merchant="m2"))
    stated = Stated(SINCE, None, rules)
    await replica.parts.behind.rule.state(Wish(marketplace="test-a", stated=stated, actor="Ann", reason="why", key="k"))
    left = agreement(rate_source="marketplace", commission_bp=0)
    await replica.take(merchant("m1", left), merchant("m2", left), merchant("m3", agreement(), blocked=("kyc",)))
    order = paid_order(
        line(1, 1_000, freight_minor=30),
        line(2, 999, merchant="m2", category="books"),
        line(3, 500, merchant="m3"),
        line(4, 100, merchant="m4"),
        fee=7,
        receivers=(extra("driver", "merchant:m1", "percent", 1_000),),
    )
    before, published = await stored(replica), len(replica.published.records)
    answer = await previewed(api, order)
    assert await stored(replica) == before
    assert len(replica.published.records) == published
    await replica.take(order)
    real = (await api.get("orders/1/split")).json()
    assert answer["shares"] == real["shares"]
    assert {it["path"]: it["reason"] for it in answer["shares"] if it["state"] == "held"} == {
        "merchant:m3": "blocked:kyc",
        "merchant:m4": "merchant_unknown",
    }
    decided = {it["line_id"]: it["decided_by"] for it in answer["lines"]}
    assert decided["l1"] == {"set": "marketplace", "version": 1, "rule_id": "all", "conditions": []}
    assert decided["l2"]["conditions"] == ["category", "merchant"]
    assert decided["l4"] is None
    assert [it["tax_minor"] for it in answer["lines"]] == [4, 0, 0, 0]
    (driver,) = answer["receivers"]
    assert (driver["parent"], driver["share"], driver["value"]) == ("merchant:m1", "percent", 1_000)
    assert driver["taken_minor"] == next(it["amount_minor"] for it in real["shares"] if it["path"] == "receiver:driver")


async def test_an_order_that_would_be_refused_is_refused_with_the_reason(api: httpx.AsyncClient) -> None:
    wrong = msgspec.structs.replace(paid_order(), payments=(payment(9_999),))
    assert (await previewed(api, wrong, 422))["reason"] == "amount_mismatch"
    other = msgspec.structs.replace(paid_order(), marketplace="test-b")
    assert (await previewed(api, other, 422))["reason"] == "marketplace_differs"
    answer = await api.post("rules/preview", json={"order_id": "1"})
    assert (answer.status_code, answer.json()["reason"]) == (422, "contract")
