"""Trees of extra receivers: exact, or not paid at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.examples import extra

from shared.messages import ExtraReceiver
from split.domain.receivers import LEVELS_MAX, Divided, Portion, Trees


def divided(amount: int, *receivers: ExtraReceiver, root: str = "merchant:m1") -> Divided | str:
    trees = Trees(receivers, ["m1", "m2"])
    return trees.mistake or trees.divide(root, amount)


def test_a_merchant_without_receivers_keeps_its_share() -> None:
    assert divided(100, extra("r", "merchant:m2", "percent", 5_000)) == Divided(100)


def test_percent_fixed_and_remainder_are_taken_from_the_parents_share() -> None:
    answer = divided(
        1_000,
        extra("a", "merchant:m1", "percent", 1_000),
        extra("b", "merchant:m1", "fixed", 250),
        extra("c", "merchant:m1", "remainder"),
    )
    assert answer == Divided(0, (Portion("a", 100, 0), Portion("b", 250, 0), Portion("c", 650, 0)))


def test_percents_are_rounded_by_largest_remainder_and_ties_go_to_the_earlier() -> None:
    thirds = [extra(name, "merchant:m1", "percent", 2_500) for name in "abcd"]
    answer = divided(10, *thirds)
    assert isinstance(answer, Divided)
    assert [portion.taken_minor for portion in answer.portions] == [3, 3, 2, 2]


def test_an_outlet_pays_its_fleet_and_the_fleet_its_driver() -> None:
    answer = divided(
        10_000,
        extra("outlet", "merchant:m1", "percent", 5_000),
        extra("fleet", "receiver:outlet", "percent", 6_000),
        extra("driver", "receiver:fleet", "fixed", 1_000),
    )
    assert answer == Divided(
        5_000, (Portion("outlet", 5_000, 3_000), Portion("fleet", 3_000, 1_000), Portion("driver", 1_000, 0))
    )


def chain(length: int) -> list[ExtraReceiver]:
    above = ["merchant:m1", *(f"receiver:r{number}" for number in range(length))]
    return [extra(f"r{number}", above[number], "percent", 5_000) for number in range(length)]


def test_five_levels_are_paid_and_six_are_not() -> None:
    assert isinstance(divided(1_000, *chain(LEVELS_MAX)), Divided)
    assert divided(1_000, *chain(LEVELS_MAX + 1)) == "receivers_too_deep"


@pytest.mark.parametrize(
    ("reason", "receivers"),
    [
        ("fixed_above_share", [extra("a", "merchant:m1", "fixed", 101)]),
        (
            "fixed_above_share",
            [extra("a", "merchant:m1", "percent", 5_000), extra("b", "merchant:m1", "fixed", 51)],
        ),
        (
            "percents_above_whole",
            [extra("a", "merchant:m1", "percent", 5_001), extra("b", "merchant:m1", "percent", 5_000)],
        ),
        ("remainders_twice", [extra("a", "merchant:m1", "remainder"), extra("b", "merchant:m1", "remainder")]),
        ("receivers_parent_unknown", [extra("a", "merchant:stranger", "percent", 1)]),
        ("receivers_parent_unknown", [extra("a", "receiver:nobody", "percent", 1)]),
        ("receivers_parent_unknown", [extra("a", "platform:fee", "percent", 1)]),
        ("receivers_cycle", [extra("a", "receiver:b"), extra("b", "receiver:a")]),
        ("receivers_cycle", [extra("a", "receiver:a")]),
        (
            "receivers_ambiguous",
            [extra("a", "merchant:m1"), extra("a", "merchant:m2"), extra("b", "receiver:a", "fixed", 0)],
        ),
        ("receivers_ambiguous", [extra("a", "merchant:m1", "percent", 1), extra("a", "receiver:a", "percent", 1)]),
    ],
)
def test_a_tree_that_cannot_be_paid_says_why(reason: str, receivers: list[ExtraReceiver]) -> None:
    assert divided(100, *receivers) == reason


def test_freight_needs_receivers_who_take_all_of_it() -> None:
    half = extra("fleet", "freight", "percent", 5_000)
    assert divided(100, extra("a", "merchant:m1"), root="freight") == "freight_chain_missing"
    assert divided(100, half, root="freight") == "freight_not_covered"
    assert divided(100, half, extra("hub", "freight", "remainder"), root="freight") == Divided(
        0, (Portion("fleet", 50, 0), Portion("hub", 50, 0))
    )


@given(st.integers(0, 10**13), st.lists(st.integers(0, 3_000), max_size=3), st.lists(st.integers(0, 5_000), max_size=2))
def test_portions_and_what_stays_add_up_to_the_share(amount: int, outer: list[int], inner: list[int]) -> None:
    receivers = [extra(f"o{number}", "merchant:m1", "percent", value) for number, value in enumerate(outer)]
    if outer:
        receivers += [extra(f"i{number}", "receiver:o0", "percent", value) for number, value in enumerate(inner)]
    answer = divided(amount, *receivers)
    assert isinstance(answer, Divided)
    kept = sum(portion.taken_minor - portion.passed_on_minor for portion in answer.portions)
    assert kept + answer.stays_minor == amount
    assert all(portion.taken_minor >= portion.passed_on_minor >= 0 for portion in answer.portions)
