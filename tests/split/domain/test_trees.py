"""Random trees of receivers against fractions: exact for every shape, amount and currency, or not paid at all."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.split.decisions import decided, held_of, legs_of, nonzero, reasons_of
from tests.split.examples import agreement, amounts, copies, extra, line, merchant, paid_order
from tests.split.oracle import CannotPayError, expected
from tests.split.oracle import divided as by_fractions
from tests.split.tariffs import CURRENCIES
from tests.split.trees import trees

from shared.messages import SplitRequested
from split.domain.receivers import LEAVES_MAX, LEVELS_MAX, Divided, Trees

ROOTS = ("merchant:m1", "freight")


@st.composite
def orders(draw: st.DrawFn) -> SplitRequested:
    """One seller's order with freight for the chain, and a tree below both."""
    goods, freight = draw(amounts), draw(amounts)
    return paid_order(
        line(1, goods, freight_minor=freight),
        receivers=draw(trees(ROOTS, min(goods, freight))),
        currency=draw(st.sampled_from(CURRENCIES)),
    )


@settings(max_examples=300)
@given(orders(), st.integers(0, 10**13))
def test_everybody_in_a_tree_gets_what_fractions_say(order: SplitRequested, amount: int) -> None:
    found = Trees(order.receivers, ["m1"])
    for root in ROOTS:
        divided = found.divide(root, amount)
        if root == "freight" and not any(it.parent == root for it in order.receivers):
            assert divided == "freight_chain_missing"
            continue
        try:
            answer = by_fractions(order, root, amount)
        except CannotPayError:
            assert isinstance(divided, str)
            continue
        if root == "freight" and answer[root]:
            assert divided == "freight_not_covered"
            continue
        assert isinstance(divided, Divided)
        gets = Counter({root: divided.stays_minor})
        gets.update({f"merchant:{it.receiver}": it.taken_minor - it.passed_on_minor for it in divided.portions})
        assert nonzero(dict(gets)) == nonzero(answer)
        assert sum(gets.values()) == amount
        assert min(gets.values()) >= 0


@settings(max_examples=300)
@given(orders(), st.integers(0, 3_000))
def test_an_order_with_a_tree_is_paid_or_held_to_the_last_minor_unit(order: SplitRequested, rate: int) -> None:
    merchants = copies(merchant("m1", agreement(commission_bp=rate, freight_to="chain")))
    decision, answer = decided(order, merchants), expected(order, merchants)
    assert nonzero(legs_of(decision)) == nonzero(answer.legs)
    assert nonzero(held_of(decision)) == nonzero(answer.held)
    assert sum(answer.legs.values()) + sum(answer.held.values()) == order.payments[0].amount_minor
    ends = {it.receiver for it in order.receivers} - {it.parent.partition(":")[2] for it in order.receivers}
    if len(ends) > LEAVES_MAX:
        assert set(reasons_of(decision).values()) == {"receivers_too_many"}


def crowd(leaves: int) -> list[Any]:
    return [extra(f"r{number}", "receiver:hub", "percent", 100) for number in range(leaves)]


def test_fifty_leaves_are_paid_and_fifty_one_are_not() -> None:
    hub = extra("hub", "merchant:m1", "percent", 10_000)
    assert Trees([hub, *crowd(50)], ["m1"]).mistake == ""
    assert Trees([hub, *crowd(51)], ["m1"]).mistake == "receivers_too_many"
    assert Trees([hub, *crowd(50)], ["m1", "m2"]).mistake == "receivers_too_many"
    assert Trees([hub, *crowd(49)], ["m1", "m2"]).mistake == ""


def test_a_supplier_pays_its_maker_two_depots_and_their_dealer() -> None:
    receivers = [
        extra("maker", "merchant:m1", "percent", 7_000),
        extra("central", "receiver:maker", "fixed", 1_500),
        extra("regional", "receiver:central", "percent", 6_000),
        extra("dealer", "receiver:regional", "remainder"),
    ]
    divided = Trees(receivers, ["m1"]).divide("merchant:m1", 10_001)
    assert isinstance(divided, Divided)
    gets = {it.receiver: it.taken_minor - it.passed_on_minor for it in divided.portions}
    assert gets == {"maker": 5_501, "central": 600, "regional": 0, "dealer": 900}
    assert divided.stays_minor == 3_000


@pytest.mark.parametrize("levels", [LEVELS_MAX, LEVELS_MAX + 1])
def test_the_freight_may_be_passed_on_five_times_as_well(levels: int) -> None:
    above = ["freight", *(f"receiver:r{number}" for number in range(levels))]
    chain = [extra(f"r{number}", above[number], "remainder") for number in range(levels)]
    divided = Trees(chain, ["m1"]).divide("freight", 100)
    assert (divided == "receivers_too_deep") == (levels > LEVELS_MAX)
