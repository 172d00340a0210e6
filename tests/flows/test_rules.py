"""Stories of rules through the whole cluster: what the platform takes of a sale, by whose rule, and why."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, opened, until
from tests.flows.refunding import books_agree, refunded

from shared.messages import Agreement, MerchantChanged

pytestmark = pytest.mark.infra

SINCE = "2020-01-01T00:00:00Z"
LEFT: Json = {"rate_source": "marketplace", "commission_bp": 0}
"""An agreement that leaves its rates to the marketplace."""


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with opened(cluster) as it:
        yield it


async def tariff(market: Market, *rules: Json, key: str = "tariff") -> Json:
    """State the marketplace's rules."""
    wish = {"effective_from": SINCE, "rules": rules, "actor": "Ann", "reason": "the tariff"}
    answer = await market.http.post(market.url("split", "rules"), json=wish, headers={"idempotency-key": key})
    assert answer.is_success, answer.text
    return dict(answer.json())


async def preview(market: Market, order: Json) -> Json:
    answer = await market.http.post(market.url("split", "rules/preview"), json=order)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def settled(market: Market, order: Json) -> dict[str, int]:
    """Let an order be paid, and return where its money is once it is settled."""
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    return await market.pockets()


def lines(order: Json, *changes: Json) -> Json:
    """Give an order these lines, each of 100.00 unless it says otherwise."""
    (first,) = order["lines"]
    order["lines"] = [first | {"line_id": str(place)} | it for place, it in enumerate(changes, 1)]
    order["payments"][0]["amount_minor"] = sum(it["amount_minor"] for it in order["lines"])
    return order


async def test_the_most_specific_rule_of_the_marketplace_decides_and_a_preview_says_so_before(market: Market) -> None:
    await market.merchant(**LEFT)
    await tariff(
        market,
        {"rule_id": "all", "commission_bp": 1_000},
        {"rule_id": "books", "category": "books", "commission_bp": 500, "tax_bp": 600},
        {"rule_id": "rare-books", "category": "books", "sku": "first-edition", "commission_bp": 200},
    )
    order = lines(market.order(), {}, {"category": "books"}, {"category": "books", "sku": "first-edition"})
    said = await until(lambda: preview(market, order), lambda it: all(line["decided_by"] for line in it["lines"]))
    assert [(it["decided_by"]["rule_id"], it["decided_by"]["conditions"]) for it in said["lines"]] == [
        ("all", []),
        ("books", ["category"]),
        ("rare-books", ["category", "sku"]),
    ]
    assert await settled(market, order) == {
        "pool": 0,
        "merchant:acme": 30_000 - 1_700 - 30,
        "platform:commission": 1_000 + 500 + 200,
        "platform:tax": 30,
    }
    shares = {it["path"]: it for it in (await market.split(order))["shares"]}
    assert {it["path"]: it["amount_minor"] for it in said["shares"]} == {
        path: it["amount_minor"] for path, it in shares.items()
    }
    assert shares["merchant:acme"]["rules_version"] == 1


async def test_an_agreement_goes_before_the_marketplaces_rule_that_states_no_more(market: Market) -> None:
    await market.merchant(commission_bp=800)
    await tariff(
        market,
        {"rule_id": "food", "category": "food", "commission_bp": 5_000},
        {"rule_id": "tea-in-yuan", "sku": "tea", "currency": "CNY", "commission_bp": 100},
    )
    order = lines(market.order(), {"sku": "rice"}, {"sku": "tea"})
    assert (await settled(market, order))["platform:commission"] == 800 + 100


async def test_a_tier_by_the_volume_of_the_period_before_fees_floor_and_cap_make_up_a_commission(
    market: Market,
) -> None:
    rule = {
        "rule_id": "sellers",
        "commission_bp": 1_000,
        "tiers": [{"currency": "CNY", "from_minor": 1_000_000, "commission_bp": 600}],
        "limits": [{"currency": "CNY", "floor_minor": 100, "cap_minor": 500}],
        "unit_fees": [{"currency": "CNY", "amount_minor": 30}],
        "order_fees": [{"currency": "CNY", "amount_minor": 200}],
    }
    volume = {"currency": "CNY", "volume_minor": 1_000_000, "period_end": SINCE}
    await market.merchant(rules=[rule], volumes=[volume])
    order = lines(market.order(), {"quantity": 2}, {"amount_minor": 1_000})
    # 6 % of 100.00 is capped at 5.00, of 10.00 it is the floor of 1.00; 3 units at 0.30; 2.00 once.
    assert (await settled(market, order))["platform:commission"] == 500 + 100 + 90 + 200


async def test_orders_of_other_sizes_have_other_rates(market: Market) -> None:
    await market.merchant(**LEFT)
    await tariff(
        market,
        {"rule_id": "small", "currency": "CNY", "size_to_minor": 10_000, "commission_bp": 1_000},
        {"rule_id": "large", "currency": "CNY", "size_from_minor": 10_000, "commission_bp": 500},
    )
    await settled(market, lines(market.order(), {"amount_minor": 9_999}))
    found = await settled(market, lines(market.order(), {"amount_minor": 10_000}))
    assert found["platform:commission"] == 999 + 500


async def test_an_order_that_no_rule_fits_waits_until_one_is_stated_for_its_time(market: Market) -> None:
    await market.merchant(**LEFT)
    order = market.order()
    await market.pay(order)
    await market.publish(order)
    await market.held(order, "rule_missing")
    await tariff(market, {"rule_id": "all", "commission_bp": 700})
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "merchant:acme": 9_300, "platform:commission": 700}


async def test_a_rule_that_only_fills_what_was_forgotten_is_in_force_at_once_for_what_waits(market: Market) -> None:
    await market.merchant(**LEFT)
    books: Json = {"rule_id": "books", "category": "books", "commission_bp": 500}
    await tariff(market, books)
    order = lines(market.order(), {"category": "food"}, {"category": "books"})
    await market.pay(order)
    await market.publish(order)
    await market.held(order, "rule_missing")
    since = {"effective_from": "2020-01-02T00:00:00Z"}
    for key, books_bp, expected in (("cheaper", 100, 422), ("forgotten", 500, 201)):
        rules = [books | {"commission_bp": books_bp}, {"rule_id": "all", "commission_bp": 1_000}]
        wish = since | {"rules": rules, "actor": "Ann", "reason": key}
        answer = await market.http.post(market.url("split", "rules"), json=wish, headers={"idempotency-key": key})
        assert answer.status_code == expected, answer.text
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "merchant:acme": 18_500, "platform:commission": 1_500}


async def test_rules_that_tie_are_refused_by_the_marketplace_and_by_an_agreement(market: Market) -> None:
    tied = [{"rule_id": "by-sku", "sku": "tea"}, {"rule_id": "by-category", "category": "food"}]
    wish = {"effective_from": SINCE, "rules": tied, "actor": "Ann", "reason": "the tariff"}
    answer = await market.http.post(market.url("split", "rules"), json=wish, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "rules_tie")
    await market.merchant()
    terms = {"effective_from": "2030-01-01T00:00:00Z", "channel_profile": "sandbox-direct", "rules": tied}
    answer = await market.http.post(market.url("merchant", "merchants/acme/agreements"), json=terms)
    assert (answer.status_code, answer.json()["reason"]) == (409, "rules_tie")
    assert all(it["rule_id"] in answer.json()["detail"] for it in tied)


@pytest.mark.parametrize(
    ("bearer", "merchant", "platform"), [("platform", 9_000, 940), ("merchant", 8_940, 1_000), ("pro_rata", 8_946, 994)]
)
async def test_the_channels_fee_is_borne_by_whom_the_agreement_says(
    market: Market, bearer: str, merchant: int, platform: int
) -> None:
    await market.merchant(fee_bearer=bearer)
    order = market.order()
    order["payments"][0]["fee_minor"] = 60
    assert await settled(market, order) == {"pool": 0, "merchant:acme": merchant, "platform:commission": platform}


async def test_under_a_settlement_price_the_merchant_gets_the_price_and_the_platform_the_rest(market: Market) -> None:
    await market.merchant(price_mode="settlement_price", commission_bp=0)
    order = lines(market.order(), {"quantity": 2, "settlement_price_minor": 4_200})
    assert await settled(market, order) == {"pool": 0, "merchant:acme": 8_400, "platform:commission": 1_600}


async def test_a_settlement_price_above_what_was_paid_needs_a_declared_subsidy(market: Market) -> None:
    """Acme gets 42.00 a piece. At 80.00 for two all is held; with 4.00 declared, the platform adds them."""
    await market.merchant(price_mode="settlement_price", commission_bp=0)
    held = lines(market.order(), {"amount_minor": 8_000, "quantity": 2, "settlement_price_minor": 4_200})
    await market.pay(held)
    await market.publish(held)
    await market.held(held, "price_above_paid")
    assert await market.pockets() == {"pool": 8_000}

    order = lines(market.order(), {"amount_minor": 8_400, "quantity": 2, "settlement_price_minor": 4_200})
    order["payments"][0]["amount_minor"] = 8_000
    order["adjustments"] = [{"kind": "subsidy", "amount_minor": -400, "party": "platform:marketing", "line_id": "1"}]
    await market.fund(400)
    assert await settled(market, order) == {"pool": 8_000, "platform:marketing": 0, "merchant:acme": 8_400}


async def test_what_a_settlement_price_holds_for_ever_goes_back_to_its_buyer(market: Market) -> None:
    await market.merchant(price_mode="settlement_price", commission_bp=0)
    order = lines(market.order(), {"settlement_price_minor": 10_001})
    await market.pay(order)
    await market.publish(order)
    await market.held(order, "price_above_paid")
    await refunded(market, order, 10_000)
    await books_agree(market)
    assert await market.balance("merchant:held/acme") == 0


async def test_a_change_of_rules_is_for_later_orders_only(market: Market) -> None:
    await market.merchant(**LEFT)
    await tariff(market, {"rule_id": "all", "commission_bp": 1_000})
    split = market.order()
    assert (await settled(market, split))["platform:commission"] == 1_000
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    change = {"effective_from": later, "rules": [{"rule_id": "all", "commission_bp": 500}]}
    body = change | {"actor": "Ann", "reason": "cheaper"}
    url = market.url("split", "rules")
    answer = await market.http.post(url, json=body, headers={"idempotency-key": "k2"})
    assert (answer.status_code, answer.json()["version"]) == (201, 2)
    at_once = await market.http.post(url, json=body | {"effective_from": SINCE}, headers={"idempotency-key": "k3"})
    assert at_once.json()["reason"] in {"rules_too_soon", "effective_from_taken"}
    assert (await settled(market, market.order()))["platform:commission"] == 2_000
    own = next(it for it in (await market.split(split))["shares"] if it["path"] == "merchant:acme")
    assert (own["amount_minor"], own["rules_version"]) == (9_000, 1)


async def test_a_gift_moves_no_money_and_stands_on_its_merchants_statement(market: Market) -> None:
    await market.merchant()
    order = lines(market.order(), {"amount_minor": 0})
    await market.publish(order)
    await market.reaches(order, "settled")
    assert [it for it in (await market.pockets()).values() if it] == []
    url = market.url("merchant", "merchants/acme/statement-lines")

    async def statement() -> list[Json]:
        return list((await market.http.get(url)).json()["entries"])

    (entry,) = await until(statement, bool)
    said = {it["kind"]: it["amount_minor"] for it in entry["lines"]}
    assert (entry["document"], entry["amount_minor"], said) == (f"o:{order['order_id']}", 0, {"gross": 0})
    assert await market.balance("platform:commission") == 0


async def test_a_version_that_comes_too_late_is_made_good_by_an_adjustment(market: Market) -> None:
    await market.merchant()
    await market.fund(200)
    order = market.order()
    await settled(market, order)
    await market.tell(_late(market), source="/weir/merchant")
    await until(market.pockets, lambda it: it["merchant:acme"] == 9_200)
    assert (await market.pockets())["platform:marketing"] == 0
    shares = {it["path"]: it for it in (await market.split(order))["shares"]}
    assert (shares["merchant:acme"]["amount_minor"], shares["merchant:acme"]["agreement_version"]) == (9_000, 1)
    assert (shares["adjustment:2"]["amount_minor"], shares["adjustment:2"]["agreement_version"]) == (200, 2)


def _late(market: Market) -> MerchantChanged:
    """Return news of the merchant that should have come before the order: 8 % since the day before it was paid."""
    fields: dict[str, Any] = {"channel_profile": "sandbox-direct", "announced_at": datetime(2026, 1, 1, tzinfo=UTC)}
    change = datetime(2026, 1, 4, tzinfo=UTC)
    first = Agreement(
        version=1, effective_from=datetime(2020, 1, 1, tzinfo=UTC), effective_to=change, commission_bp=1_000, **fields
    )
    second = Agreement(version=2, effective_from=change, commission_bp=800, **fields)
    return MerchantChanged(
        marketplace=market.id, merchant="acme", version=9, name="acme", kind="pop", agreements=(first, second)
    )
