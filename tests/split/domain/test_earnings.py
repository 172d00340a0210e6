"""Who bears the channel fee, and what happens when there is too little to bear it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.examples import agreement, agreements, line, orders, paid_order
from tests.split.tariffs import MERCHANTS, Market, book, fee, rule, rule_sets, sale, sale_of

from shared.messages import Adjustment, Agreement, SplitRequested
from split.domain.earnings import Earning, earning
from split.domain.pots import Pot, facts


def only_pot(**order: object) -> Pot:
    (pot,) = facts(paid_order(line(1, 1_000), **order)).pots  # type: ignore[arg-type]
    return pot


def earned(pot: Pot, **terms: object) -> Earning:
    found = earning(pot, agreement(**terms), sale())
    assert isinstance(found, Earning)
    return found


@pytest.mark.parametrize(
    ("bearer", "net", "kept"), [("platform", 880, 110), ("merchant", 870, 120), ("pro_rata", 871, 119)]
)
def test_the_channel_fee_is_borne_as_agreed(bearer: str, net: int, kept: int) -> None:
    found = earned(only_pot(fee=10), fee_bearer=bearer)
    assert (found.net_minor, found.kept_minor, found.short_minor) == (net, kept, 0)


def test_a_fee_above_the_commission_is_made_up_by_the_platform() -> None:
    found = earned(only_pot(fee=130), fee_bearer="platform")
    assert (found.net_minor, found.kept_minor, found.short_minor) == (880, 0, 10)


def test_a_fee_above_the_merchants_net_falls_on_the_commission_first() -> None:
    found = earned(only_pot(fee=130), fee_bearer="merchant", commission_bp=9_000)
    assert (found.net_minor, found.kept_minor, found.short_minor) == (0, 870, 0)


def test_a_merchants_own_discount_lowers_the_base_of_the_commission() -> None:
    discount = Adjustment(kind="discount", amount_minor=-200, party="merchant:m1", line_id="l1")
    found = earned(only_pot(adjustments=(discount,)))
    assert (found.commission_minor, found.net_minor) == (96, 704)


def test_a_discount_on_the_whole_order_lowers_the_net_and_not_the_base() -> None:
    discount = Adjustment(kind="discount", amount_minor=-200, party="merchant:m1")
    found = earned(only_pot(adjustments=(discount,)))
    assert (found.commission_minor, found.net_minor) == (120, 680)


def test_commission_takes_at_most_what_the_goods_bring_and_none_of_the_freight() -> None:
    discount = Adjustment(kind="discount", amount_minor=-950, party="merchant:m1")
    (pot,) = facts(paid_order(line(1, 1_000, freight_minor=70), adjustments=(discount,))).pots
    found = earned(pot)
    assert (found.commission_minor, found.net_minor) == (50, 70)


def test_tax_on_commission_is_borne_by_the_merchant_and_rounded_down_per_line() -> None:
    (pot,) = facts(paid_order(line(1, 1_000), line(2, 999), fee=10)).pots
    found = earned(pot, tax_bp=600, fee_bearer="merchant")
    assert found.commissions == (120, 119)
    assert found.taxes == (7, 7)
    assert (found.net_minor, found.kept_minor, found.tax_minor) == (1_999 - 239 - 14 - 10, 239, 14)


def test_tax_is_of_the_commission_that_is_taken_and_of_at_most_what_it_leaves() -> None:
    assert earned(only_pot(), commission_bp=10_000, tax_bp=600).taxes == (0,)
    assert earned(only_pot(), commission_bp=6_000, tax_bp=10_000).taxes == (400,)
    discount = Adjustment(kind="discount", amount_minor=-870, party="merchant:m1")
    found = earned(only_pot(adjustments=(discount,)), tax_bp=10_000)
    assert (found.commission_minor, found.tax_minor, found.net_minor) == (120, 10, 0)


def test_a_discount_on_the_whole_order_that_leaves_too_little_lowers_each_lines_commission() -> None:
    discount = Adjustment(kind="discount", amount_minor=-1_950, party="merchant:m1")
    (pot,) = facts(paid_order(line(1, 1_000), line(2, 1_000), adjustments=(discount,))).pots
    found = earned(pot, tax_bp=600)
    assert (found.commissions, found.taxes, found.net_minor) == ((25, 25), (0, 0), 0)


def test_under_a_settlement_price_no_rule_is_asked_and_no_tax_is_taken() -> None:
    (pot,) = facts(paid_order(line(1, 1_000, settlement_price_minor=800))).pots
    terms = agreement(price_mode="settlement_price", tax_bp=600)
    found = earning(pot, terms, sale(rules=book((rule(commission_bp=5_000),))))
    assert isinstance(found, Earning)
    assert (found.net_minor, found.commission_minor, found.taxes) == (800, 200, ())


def test_freight_goes_to_the_merchant_unless_the_agreement_gives_it_to_the_chain() -> None:
    (pot,) = facts(paid_order(line(1, 1_000, freight_minor=70))).pots
    assert (earned(pot).net_minor, earned(pot).chain) == (950, False)
    assert (earned(pot, freight_to="chain").net_minor, earned(pot, freight_to="chain").chain) == (880, True)


def test_a_subsidy_is_the_platforms_and_leaves_base_and_net_as_they_are() -> None:
    subsidy = Adjustment(kind="subsidy", amount_minor=-300, party="platform:marketing", line_id="l1")
    order = paid_order(line(1, 1_000), adjustments=(subsidy,))
    (pot,) = facts(order).pots
    assert (earned(pot).commission_minor, earned(pot).net_minor) == (120, 880)
    assert facts(order).subsidy_minor == 300


def test_every_fee_of_a_rule_counts_as_commission() -> None:
    rules = (rule("r", commission_bp=1_000, unit_fees=(fee(5),), order_fees=(fee(20),), tax_bp=1_000),)
    (pot,) = facts(paid_order(line(1, 1_000, quantity=3), line(2, 1_000))).pots
    found = earned(pot, rules=rules)
    assert found.commissions == (100 + 15 + 10, 100 + 5 + 10)
    assert found.taxes == (12, 11)


@given(orders(), agreements(), st.one_of(st.none(), rule_sets(MERCHANTS)))
def test_no_part_of_an_earning_is_below_zero_and_all_add_up(
    order: SplitRequested, terms: Agreement, market: Market
) -> None:
    for pot in facts(order).pots:
        found = earning(pot, terms, sale_of(order, market))
        if isinstance(found, str):
            continue
        assert min(found.net_minor, found.kept_minor, found.fee_minor, found.platform_fee_minor) >= 0
        assert all(0 <= it <= base for it, base in zip(found.commissions, pot.bases, strict=True))
        assert sum(found.commissions) == found.commission_minor
        assert all(it >= 0 for it in found.taxes)
        assert found.short_minor >= pot.short_minor
        chain = pot.freight_minor if found.chain else 0
        brought = pot.goods_minor + pot.freight_minor - pot.fee_minor
        assert found.net_minor + found.kept_minor + found.tax_minor + chain == brought + found.short_minor
