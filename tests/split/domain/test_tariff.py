"""Which rule decides about a line, and what is taken by it: figures that a finance person can check by hand."""

from typing import Any

import pytest
from hypothesis import given
from tests.split.examples import LONG_AGO, agreement, agreements, line, orders
from tests.split.tariffs import book, fee, limit, rule, sale, sale_of

from shared.messages import Agreement, CategoryRate, OrderLine, Rule, SplitRequested, Tier, Volume
from split.domain.agreements import charged
from split.domain.pots import facts
from split.domain.tariff import Taking, is_plain, takings

BOOKS = (CategoryRate(category="books", commission_bp=500),)


def taken(*lines: OrderLine, market: tuple[Rule, ...] | None = None, size: int = 10_000, **terms: Any) -> list[Taking]:  # noqa: ANN401 - any term
    """Return what is taken of these lines, each worth its amount."""
    asked = sale(rules=book(market), size_minor=size)
    found = takings(agreement(**terms), asked, lines, [it.amount_minor for it in lines])
    assert isinstance(found, tuple)
    return list(found)


def decides(*stated: str, **terms: Any) -> tuple[str, str, tuple[str, ...]]:  # noqa: ANN401 - any term
    """Say which rule decides about a pair of shoes in BRL, and why. `stated` names conditions of marketplace rules."""
    values = {"category": "shoes", "sku": "s", "merchant": "m1", "channel_profile": "sandbox-direct", "currency": "BRL"}
    market = tuple(rule("+".join(names.split()), **{name: values[name] for name in names.split()}) for names in stated)
    (found,) = taken(line(1, 10_000), market=market, **terms)
    return found.choice.origin, found.choice.rule.rule_id, found.choice.conditions


def test_the_rule_that_states_most_decides() -> None:
    assert decides("category", "category sku", "currency", commission_bp=0) == (
        "marketplace",
        "category+sku",
        ("category", "sku"),
    )
    assert decides("", "category sku currency", "category sku currency merchant channel_profile")[1] == (
        "category+sku+currency+merchant+channel_profile"
    )


def test_an_agreements_own_rate_states_its_merchant_and_goes_before_a_rule_with_one_condition() -> None:
    assert decides("category") == ("agreement", "commission_bp", ("merchant",))
    assert decides("merchant") == ("agreement", "commission_bp", ("merchant",))
    assert decides("category sku") == ("marketplace", "category+sku", ("category", "sku"))


def test_a_rate_of_a_category_states_two_conditions() -> None:
    rates = (CategoryRate(category="shoes", commission_bp=500),)
    assert decides("category sku", category_rates=rates) == (
        "agreement",
        "category_rates/shoes",
        ("merchant", "category"),
    )
    assert decides("category sku merchant", category_rates=rates)[0] == "marketplace"


def test_at_equal_numbers_the_agreements_rule_goes_before_the_marketplaces() -> None:
    own = (Rule(rule_id="mine", category="shoes"),)
    assert decides("category merchant", rules=own) == ("agreement", "mine", ("merchant", "category"))
    assert decides("category merchant sku", rules=own)[0] == "marketplace"


def test_a_rule_of_the_agreement_without_conditions_goes_before_its_plain_rate_and_not_before_a_categorys() -> None:
    every = (Rule(rule_id="every", commission_bp=100),)
    (shoes, books) = taken(line(1, 10_000), line(2, 10_000, category="books"), rules=every, category_rates=BOOKS)
    assert [it.choice.rule.rule_id for it in (shoes, books)] == ["every", "category_rates/books"]
    assert [it.commission_minor for it in (shoes, books)] == [100, 500]


def test_an_agreement_that_leaves_its_rates_to_the_marketplace_uses_none_of_its_own() -> None:
    found = decides("", rate_source="marketplace", commission_bp=9_000)
    assert found == ("marketplace", "", ())
    own = (Rule(rule_id="mine", category="shoes"),)
    assert decides("category", rate_source="marketplace", rules=own)[1] == "mine"


@pytest.mark.parametrize("market", [None, (), (rule(category="books"),)])
def test_without_a_rule_nothing_is_guessed(market: tuple[Rule, ...] | None) -> None:
    lines = (line(1, 10_000),)
    found = takings(agreement(rate_source="marketplace"), sale(rules=book(market)), lines, (10_000,))
    assert found == "rule_missing"


def test_a_rule_that_states_what_the_line_is_not_does_not_decide() -> None:
    for name, value in (
        ("category", "books"),
        ("sku", "t"),
        ("merchant", "m2"),
        ("channel_profile", "stripe-connect"),
        ("currency", "JPY"),
    ):
        (found,) = taken(line(1, 10_000), market=(rule(**{name: value}),))
        assert found.choice.origin == "agreement", name


@pytest.mark.parametrize(("size", "deciding"), [(999, "small"), (1_000, "large"), (4_999, "large"), (5_000, "huge")])
def test_the_size_of_the_whole_order_chooses_from_its_first_minor_unit_to_before_its_last(
    size: int, deciding: str
) -> None:
    market = (
        rule("small", currency="BRL", size_to_minor=1_000),
        rule("large", currency="BRL", size_from_minor=1_000, size_to_minor=5_000),
        rule("huge", currency="BRL", size_from_minor=5_000),
    )
    (found,) = taken(line(1, 500), market=market, size=size)
    assert found.choice.rule.rule_id == deciding


def test_the_fee_by_unit_comes_on_top_of_the_rate_and_takes_at_most_the_line() -> None:
    own = (Rule(rule_id="r", commission_bp=1_000, unit_fees=(fee(30),)),)
    (pair, cheap) = taken(line(1, 1_000, quantity=2), line(2, 40, quantity=2), rules=own)
    assert (pair.percent_minor, pair.units_minor, pair.commission_minor) == (100, 60, 160)
    assert (cheap.percent_minor, cheap.units_minor, cheap.commission_minor) == (4, 36, 40)


def test_floor_and_cap_bind_the_rates_part_and_not_the_fees() -> None:
    own = (Rule(rule_id="r", commission_bp=1_000, limits=(limit(20, 50),), unit_fees=(fee(7),)),)
    found = taken(line(1, 100), line(2, 1_000), rules=own)
    assert [it.commission_minor for it in found] == [27, 57]


def test_the_fee_by_order_is_taken_once_and_apportioned_exactly() -> None:
    own = (Rule(rule_id="r", commission_bp=0, order_fees=(fee(100),)),)
    found = taken(line(1, 1_000), line(2, 1_000), line(3, 1_000), rules=own)
    assert [it.order_minor for it in found] == [34, 33, 33]
    (small,) = taken(line(1, 60), rules=own)
    assert small.commission_minor == 60


def test_of_several_fees_by_order_the_greatest_is_taken_once_of_the_lines_whose_rules_state_one() -> None:
    own = (
        Rule(rule_id="shoes", category="shoes", order_fees=(fee(100),)),
        Rule(rule_id="books", category="books", order_fees=(fee(70),)),
    )
    lines = (line(1, 1_000), line(2, 1_000, category="books"), line(3, 5_000, category="toys"))
    assert [it.order_minor for it in taken(*lines, rules=own)] == [50, 50, 0]


@pytest.mark.parametrize(
    ("volume", "rate"), [(None, 1_000), (999, 1_000), (1_000, 800), (4_999, 800), (5_000, 600), (10**13, 600)]
)
def test_the_volume_of_the_period_before_chooses_the_tier_and_without_it_the_lowest_applies(
    volume: int | None, rate: int
) -> None:
    tiers = (
        Tier(currency="BRL", from_minor=1_000, commission_bp=800),
        Tier(currency="BRL", from_minor=5_000, commission_bp=600),
        Tier(currency="JPY", from_minor=1, commission_bp=1),
    )
    sold = {} if volume is None else {"volumes": (Volume(currency="BRL", volume_minor=volume, period_end=LONG_AGO),)}
    for terms in ({"rules": (Rule(rule_id="r", commission_bp=1_000, tiers=tiers),)}, {"rate_source": "marketplace"}):
        market = (rule(commission_bp=1_000, tiers=tiers),)
        (found,) = taken(line(1, 10_000), market=market, **(terms | sold))
        assert (found.rate_bp, found.commission_minor) == (rate, rate)


@given(orders(), agreements())
def test_an_agreements_plain_terms_come_to_the_same_by_the_quick_way_and_by_the_rules(
    order: SplitRequested, terms: Agreement
) -> None:
    plain = agreement(
        commission_bp=terms.commission_bp,
        category_rates=terms.category_rates,
        commission_limits=terms.commission_limits,
    )
    asked = sale_of(order)
    assert is_plain(plain, asked)
    for pot in facts(order).pots:
        by_rules = takings(plain, asked, pot.lines, pot.bases)
        assert not isinstance(by_rules, str)
        assert [it.commission_minor for it in by_rules] == charged(plain, order.currency, pot.lines, pot.bases)


@pytest.mark.parametrize("terms", [{"rules": (rule(),)}, {"tax_bp": 1}, {"rate_source": "marketplace"}])
def test_an_agreement_with_rules_or_tax_is_not_plain(terms: dict[str, Any]) -> None:
    assert not is_plain(agreement(**terms), sale())
    assert not is_plain(agreement(), sale(rules=book(())))
