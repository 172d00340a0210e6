"""Rules of commission for the tests of split: a plain one to vary, and strategies for sets in which no two tie."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from shared.messages import CommissionLimit, FixedFee, Rule, SplitRequested, Tier
from shared.tariffs import mistake
from split.domain.rulesets import NO_RULES, MarketplaceRule, RuleSets, Span
from split.domain.tariff import RuleBook, Sale

EVER = datetime.min.replace(tzinfo=UTC)
MERCHANTS = ("m1", "m2", "m3", "m4")
CURRENCIES = ("JPY", "BRL", "KWD")
CATEGORIES = ("shoes", "books")
SKUS = ("s", "t")

rates = st.one_of(st.integers(0, 10_000), st.sampled_from((0, 1, 1_200, 9_999, 10_000)))


def rule(rule_id: str = "r", **terms: Any) -> MarketplaceRule:  # noqa: ANN401 - any field of a rule
    """Take 10 % of every line, unless said otherwise."""
    return MarketplaceRule(rule_id=rule_id, **({"commission_bp": 1_000} | terms))


type Market = tuple[Rule, ...] | None
"""The marketplace's rules in force, or none."""


def book(market: Market) -> RuleBook | None:
    """Return them as version 7."""
    return None if market is None else RuleBook(market, 7)


def rules_of(market: Market) -> RuleSets:
    """Return them as in force for ever."""
    found = book(market)
    return NO_RULES if found is None else RuleSets([Span(found.version, EVER, None, lambda: found)])


def sale(**facts: Any) -> Sale:  # noqa: ANN401 - any fact of an order
    """Sell for 100.00 BRL where the marketplace has no rules, unless said otherwise."""
    given: dict[str, Any] = {"currency": "BRL", "channel_profile": "sandbox-direct", "size_minor": 10_000} | facts
    return Sale(**given)


def sale_of(order: SplitRequested, market: Market = None) -> Sale:
    """Return what rules ask of an order."""
    return sale(
        currency=order.currency,
        channel_profile=order.payments[0].channel_profile,
        size_minor=sum(it.amount_minor for it in order.lines),
        rules=book(market),
    )


def fee(amount: int, currency: str = "BRL") -> FixedFee:
    """Make a fixed fee."""
    return FixedFee(currency=currency, amount_minor=amount)


def limit(floor: int = 0, cap: int | None = None, currency: str = "BRL") -> CommissionLimit:
    """Make a floor and perhaps a cap."""
    return CommissionLimit(currency=currency, floor_minor=floor, cap_minor=cap)


@st.composite
def limits(draw: st.DrawFn, currencies: tuple[str, ...] = CURRENCIES) -> CommissionLimit:
    """Draw a floor and perhaps a cap above it."""
    floor = draw(st.integers(0, 500))
    cap = draw(st.one_of(st.none(), st.integers(floor, 10_000)))
    return limit(floor, cap, draw(st.sampled_from(currencies)))


conditions = st.fixed_dictionaries(
    {},
    optional={
        "category": st.sampled_from(CATEGORIES),
        "sku": st.sampled_from(SKUS),
        "channel_profile": st.sampled_from(("sandbox-direct", "sandbox-direct", "stripe-connect")),
    },
)
"""What a rule may state; many lines of `orders` keep it."""

sizes = st.sampled_from(((0, 500), (0, 50_000), (1, None), (1_000, 10**12), (50_000, None), (50_000, 100_000)))
steps = st.sampled_from(((), (1,), (1_000, 100_000), (1, 10**9, 10**12)))
fees = st.one_of(st.none(), st.integers(0, 3_000))


@st.composite
def rules(draw: st.DrawFn, merchants: tuple[str, ...] = ()) -> Rule:
    """Draw any rule; one of a marketplace may state one of these merchants."""
    stated: dict[str, Any] = draw(conditions)
    currency = draw(st.sampled_from(CURRENCIES))
    if draw(st.integers(0, 2)) == 0:
        stated["currency"] = currency
        if draw(st.booleans()):
            stated["size_from_minor"], stated["size_to_minor"] = draw(sizes)
    if merchants and draw(st.integers(0, 2)) == 0:
        stated["merchant"] = draw(st.sampled_from(merchants))
    by_unit, by_order = draw(fees), draw(fees)
    terms: dict[str, Any] = {
        "commission_bp": draw(rates),
        "limits": (draw(limits((currency,))),) if draw(st.booleans()) else (),
        "tiers": tuple(Tier(currency=currency, from_minor=it, commission_bp=draw(rates)) for it in draw(steps)),
        "unit_fees": () if by_unit is None else (fee(by_unit, currency),),
        "order_fees": () if by_order is None else (fee(by_order, currency),),
        "tax_bp": draw(st.sampled_from((0, 600, 10_000))),
    }
    return (MarketplaceRule if merchants else Rule)(rule_id="", **stated, **terms)


@st.composite
def rule_sets(draw: st.DrawFn, merchants: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """Draw rules of which no two tie: of those that would, the first stays."""
    found: list[Rule] = []
    for it in draw(st.lists(rules(merchants), max_size=3)):
        named = type(it)(**{name: getattr(it, name) for name in it.__struct_fields__} | {"rule_id": f"r{len(found)}"})
        if mistake([*found, named]) is None:
            found.append(named)
    return tuple(found)
