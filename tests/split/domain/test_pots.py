"""What each merchant's part of an order brings, before any agreement."""

from hypothesis import given
from tests.split.examples import line, orders, paid_order

from shared.messages import Adjustment, SplitRequested
from split.domain.pots import facts


@given(orders())
def test_pots_platform_and_subsidies_add_up_to_what_was_paid(order: SplitRequested) -> None:
    found = facts(order)
    brought = sum(pot.goods_minor + pot.freight_minor - pot.fee_minor for pot in found.pots)
    assert brought + found.surcharge_minor - found.subsidy_minor == found.pooled_minor


def test_the_channel_fee_is_apportioned_by_goods_by_largest_remainder() -> None:
    lines = (line(1, 100), line(2, 100, merchant="m2"), line(3, 100, merchant="m3"))
    assert [pot.fee_minor for pot in facts(paid_order(*lines, fee=200)).pots] == [67, 67, 66]


def test_where_no_goods_bring_anything_the_channel_fee_goes_by_freight() -> None:
    lines = (line(1, 0), line(2, 0, merchant="m2", freight_minor=300), line(3, 0, merchant="m3", freight_minor=100))
    assert [pot.fee_minor for pot in facts(paid_order(*lines, fee=40)).pots] == [0, 30, 10]


def test_an_adjustment_counts_for_the_line_it_names_only_if_the_lines_merchant_bears_it() -> None:
    adjustments = (
        Adjustment(kind="discount", amount_minor=-30, party="merchant:m1", line_id="l1"),
        Adjustment(kind="surcharge", amount_minor=20, party="merchant:m1"),
        Adjustment(kind="discount", amount_minor=-7, party="merchant:m2", line_id="l1"),
    )
    first, second = facts(paid_order(line(1, 100), line(2, 50, merchant="m2"), adjustments=adjustments)).pots
    assert (first.bases, first.adjustments_minor) == ((70,), -10)
    assert (second.bases, second.adjustments_minor) == ((50,), -7)


def test_a_subsidy_is_the_platforms_whatever_party_it_names() -> None:
    subsidy = Adjustment(kind="subsidy", amount_minor=-30, party="merchant:m1", line_id="l1")
    found = facts(paid_order(line(1, 100), adjustments=(subsidy,)))
    assert found.subsidy_minor == 30
    assert found.pots[0].bases == (100,)


def test_a_pot_is_never_worth_less_than_nothing() -> None:
    discount = Adjustment(kind="discount", amount_minor=-90, party="merchant:m2")
    _, second = facts(paid_order(line(1, 100), line(2, 50, merchant="m2"), adjustments=(discount,))).pots
    assert (second.worth_minor, second.short_minor) == (0, 40)


def test_a_base_is_never_below_zero_however_large_its_discount() -> None:
    discount = Adjustment(kind="discount", amount_minor=-130, party="merchant:m1", line_id="l1")
    (pot,) = facts(paid_order(line(1, 100), line(2, 50), adjustments=(discount,))).pots
    assert pot.bases == (0, 50)
    assert pot.goods_minor == 20
