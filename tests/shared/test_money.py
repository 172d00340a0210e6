"""Money: exact allocation for every input, and amounts as people write them."""

import re
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared import money

amounts = st.integers(0, 10**15)
weights = st.lists(st.integers(0, 10**13), min_size=1, max_size=50)


@given(amounts, weights)
def test_parts_add_up_to_the_amount(amount: int, weights: list[int]) -> None:
    assert sum(money.allocate(amount, weights)) == amount


@given(amounts, weights)
def test_each_part_is_within_one_unit_of_its_exact_proportion(amount: int, weights: list[int]) -> None:
    total = sum(weights)
    assume(total > 0)
    for part, weight in zip(money.allocate(amount, weights), weights, strict=True):
        assert abs(part - Fraction(amount * weight, total)) < 1
        assert part >= 0


@given(amounts, weights)
def test_a_weight_of_nothing_gets_nothing_and_a_greater_weight_never_less(amount: int, weights: list[int]) -> None:
    assume(sum(weights) > 0)
    parts = money.allocate(amount, weights)
    by_weight = sorted(zip(weights, parts, strict=True))
    for (lighter, less), (heavier, more) in pairwise(by_weight):
        assert lighter or not less
        assert lighter == heavier or less <= more


@given(amounts, st.integers(1, 10**9), st.integers(1, 50))
def test_among_equal_weights_the_earlier_gets_the_remainder(amount: int, weight: int, receivers: int) -> None:
    parts = money.allocate(amount, [weight] * receivers)
    more = amount % receivers
    assert parts == (amount // receivers + 1,) * more + (amount // receivers,) * (receivers - more)


def test_the_largest_remainder_gets_the_unit() -> None:
    assert money.allocate(10, [1, 1, 1]) == (4, 3, 3)
    assert money.allocate(100, [1, 2, 4]) == (14, 29, 57)


def test_without_weight_everything_goes_to_the_first() -> None:
    assert money.allocate(7, [0, 0]) == (7, 0)
    assert money.allocate(0, []) == ()


@given(weights, st.data())
def test_by_degrees_never_takes_back_what_an_earlier_step_gave(weights: list[int], data: st.DataObject) -> None:
    whole = sum(weights)
    steps = sorted(data.draw(st.lists(st.integers(0, whole), max_size=6)))
    before = (0,) * len(weights)
    for part in (*steps, whole):
        after = money.by_degrees(weights, part)
        assert sum(after) == part
        assert all(old <= new <= weight for old, new, weight in zip(before, after, weights, strict=True))
        before = after
    assert before == tuple(weights)


def test_by_degrees_rounds_down_and_the_last_has_the_fractions() -> None:
    assert money.by_degrees((1, 1, 1), 1) == (0, 0, 1)
    assert money.by_degrees((1, 1, 1), 2) == (0, 1, 1)
    assert money.by_degrees((), 0) == ()


@pytest.mark.parametrize(("weights", "part"), [((1, 2), 4), ((1, 2), -1), ((-1, 2), 1)])
def test_by_degrees_refuses_what_is_no_part(weights: tuple[int, ...], part: int) -> None:
    with pytest.raises(ValueError, match="is no part of"):
        money.by_degrees(weights, part)


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, [1, -1]), (1, [])])
def test_what_cannot_be_allocated_is_an_error(amount: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weight"):
        money.allocate(amount, weights)


@given(amounts, st.integers(0, 10_000))
def test_basis_points_are_rounded_down(amount: int, rate_bp: int) -> None:
    taken = money.basis_points_of(amount, rate_bp)
    assert Fraction(amount * rate_bp, 10_000) - 1 < taken <= Fraction(amount * rate_bp, 10_000)
    assert 0 <= taken <= amount


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (0, "JPY", "0 JPY"),
        (1_234_567, "JPY", "1,234,567 JPY"),
        (-5, "JPY", "-5 JPY"),
        (0, "BRL", "0.00 BRL"),
        (5, "BRL", "0.05 BRL"),
        (-1_205, "BRL", "-12.05 BRL"),
        (123_456_789, "CNY", "1,234,567.89 CNY"),
        (5, "KWD", "0.005 KWD"),
        (-1_234_005, "KWD", "-1,234.005 KWD"),
        (150, "ZZZ", "1.50 ZZZ"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(amount: int, currency: str, written: str) -> None:
    assert money.format_minor(amount, currency) == written


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(money.CURRENCY_DECIMALS)))
def test_a_written_amount_loses_nothing(amount: int, currency: str) -> None:
    digits = money.format_minor(amount, currency).removesuffix(f" {currency}")
    assert int(re.sub(r"[.,]", "", digits)) == amount


def test_the_currencies_are_codes_of_three_letters_each_known_once() -> None:
    codes = " ".join(money._CODES_BY_DECIMALS.values()).split()  # noqa: SLF001 - a code in two groups would be hidden
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch("[A-Z]{3}", code) for code in codes)
