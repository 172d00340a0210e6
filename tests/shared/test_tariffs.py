"""What rules may say: every mistake is named with the rule, and two rules tie exactly when some line could tell."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.tariffs import fee, limit, rule, rules

from shared.messages import CategoryRate, Rule, Tier
from shared.tariffs import conditions_of, mistake


def tier(from_minor: int, currency: str = "BRL") -> Tier:
    return Tier(currency=currency, from_minor=from_minor, commission_bp=1)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"currency": "XXX"}, "currency_unknown"),
        ({"limits": (limit(currency="XXX"),)}, "currency_unknown"),
        ({"unit_fees": (fee(1, "XXX"),)}, "currency_unknown"),
        ({"order_fees": (fee(1, "XXX"),)}, "currency_unknown"),
        ({"tiers": (tier(1, "XXX"),)}, "currency_unknown"),
        ({"limits": (limit(5, 4),)}, "limits_invalid"),
        ({"limits": (limit(-1),)}, "limits_invalid"),
        ({"limits": (limit(1), limit(2))}, "currency_twice"),
        ({"unit_fees": (fee(1), fee(2))}, "currency_twice"),
        ({"order_fees": (fee(1), fee(2))}, "currency_twice"),
        ({"currency": "BRL", "limits": (limit(1, currency="JPY"),)}, "currency_differs"),
        ({"currency": "BRL", "tiers": (tier(1, "JPY"),)}, "currency_differs"),
        ({"tiers": (tier(2), tier(2))}, "tiers_invalid"),
        ({"tiers": (tier(2), tier(1))}, "tiers_invalid"),
        ({"size_from_minor": 1}, "size_invalid"),
        ({"currency": "BRL", "size_from_minor": 0}, "size_invalid"),
        ({"currency": "BRL", "size_from_minor": 5, "size_to_minor": 5}, "size_invalid"),
        ({"currency": "BRL", "size_to_minor": 0}, "size_invalid"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_named_with_its_mistake(terms: dict[str, Any], reason: str) -> None:
    found = mistake([rule("good"), rule("bad", sku="s", **terms)])
    assert found is not None
    assert found.reason == reason
    assert "rule bad" in found.detail


def test_what_every_rule_may_say_is_taken() -> None:
    everything = rule(
        "a",
        category="books",
        sku="s",
        merchant="m1",
        channel_profile="sandbox-direct",
        currency="BRL",
        size_from_minor=0,
        size_to_minor=1,
        limits=(limit(0, 0),),
        tiers=(tier(1), tier(2)),
        unit_fees=(fee(0),),
        order_fees=(fee(0),),
        tax_bp=10_000,
    )
    assert mistake([everything, rule("b", tiers=(tier(2, "JPY"), tier(1)))]) is None
    assert conditions_of(everything) == ("category", "sku", "merchant", "channel_profile", "currency", "order_size")


def test_two_rules_of_one_name_are_refused() -> None:
    found = mistake([rule("a"), rule("a", sku="s")])
    assert found is not None
    assert found.reason == "rule_twice"


def test_both_rules_of_a_tie_are_named() -> None:
    found = mistake([rule("shoes", category="shoes"), rule("other"), rule("expensive", sku="x")])
    assert found is not None
    assert found.reason == "rules_tie"
    assert "shoes" in found.detail
    assert "expensive" in found.detail


def test_sizes_tie_where_they_overlap_and_not_where_they_touch() -> None:
    small = rule("small", currency="BRL", size_to_minor=100)
    assert mistake([small, rule("large", currency="BRL", size_from_minor=100)]) is None
    found = mistake([small, rule("large", currency="BRL", size_from_minor=99)])
    assert found is not None
    assert found.reason == "rules_tie"


def test_a_rate_of_a_category_ties_with_the_rules_beside_it_and_not_with_another_rate() -> None:
    rates = [CategoryRate(category=name, commission_bp=1) for name in ("books", "shoes")]
    assert mistake([rule("all"), rule("both", category="books", sku="s")], rates) is None
    for tied in (rule("r", category="books"), rule("r", currency="BRL")):
        found = mistake([tied], rates)
        assert found is not None
        assert (found.reason, "category_rates/books" in found.detail) == ("rules_tie", True)


@given(rules(("m1", "m2")), rules(("m1", "m2")), st.sampled_from(("shoes", "books", "toys")))
def test_two_rules_tie_exactly_when_a_line_keeps_the_conditions_of_both(one: Rule, other: Rule, category: str) -> None:
    named = [_named(one, "one"), _named(other, "other")]
    alike = len(conditions_of(one)) == len(conditions_of(other))
    sizes = {0, 10**13} | {size + by for it in named for size in _sizes(it) for by in (-1, 0)}
    lines = product(
        (category, "shoes", "books"),
        ("s", "t"),
        ("m1", "m2"),
        ("sandbox-direct", "stripe-connect"),
        ("JPY", "BRL", "KWD"),
        sizes,
    )
    both = any(_keeps(named[0], line) and _keeps(named[1], line) for line in lines)
    found = mistake(named)
    assert (found is not None) == (alike and both)


def _named(it: Rule, name: str) -> Rule:
    return type(it)(**{field: getattr(it, field) for field in it.__struct_fields__} | {"rule_id": name})


def _sizes(it: Rule) -> list[int]:
    return [size for size in (it.size_from_minor, it.size_to_minor) if size]


def _keeps(it: Rule, line: tuple[Any, ...]) -> bool:
    *values, size = line
    names = ("category", "sku", "merchant", "channel_profile", "currency")
    wanted = [getattr(it, name, None) for name in names]
    if any(mine not in (None, there) for mine, there in zip(wanted, values, strict=True)):
        return False
    return (it.size_from_minor or 0) <= size and (it.size_to_minor is None or size < it.size_to_minor)
