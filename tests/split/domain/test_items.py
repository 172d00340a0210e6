"""The parts of a pot, line by line: they are its earning and its tree exactly, and no order of release changes them."""

from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.split.decisions import SOON, decided, held_of, legs_of, nonzero, reasons_of, review
from tests.split.examples import PAID_AT, agreement, copies, extra, line, merchant, merchant_copies, orders, paid_order
from tests.split.tariffs import sale_of

from shared.messages import Breakdown, MerchantChanged, SplitRequested
from split.domain import items, pots
from split.domain.agreements import in_force
from split.domain.earnings import Earning, earning
from split.domain.holds import NO_FACTS, Facts, Progress
from split.domain.items import Item
from split.domain.orders import Order
from split.domain.pots import MERCHANT, Pot
from split.domain.receivers import Divided, Trees
from split.domain.rounds import Decision

LATER = SOON + timedelta(days=30)


def divided_of(order: SplitRequested, pot: Pot, earned: Earning) -> Divided | None:
    """Return how a pot's net divides below its merchant, if it does at all."""
    trees = Trees(order.receivers, [it.merchant for it in pots.facts(order).pots])
    found = trees.divide(MERCHANT + pot.merchant, earned.net_minor)
    return None if isinstance(found, str) or trees.mistake else found


def parts_of(
    order: SplitRequested, merchants: dict[str, MerchantChanged]
) -> list[tuple[Pot, Earning, Divided, list[Item]]]:
    """Return the parts of every pot that an agreement can divide and that may go line by line."""
    found = []
    for pot in pots.facts(order).pots:
        copy = merchants.get(pot.merchant)
        agreed = in_force(copy.agreements, order.paid_at) if copy else None
        earned = earning(pot, agreed, sale_of(order)) if agreed else None
        if not isinstance(earned, Earning):
            continue
        divided = divided_of(order, pot, earned)
        if divided is not None:
            found.append((pot, earned, divided, list(items.items(pot, earned, divided))))
    return found


@given(orders(), merchant_copies())
def test_the_parts_of_a_pot_are_its_earning_and_its_tree_to_the_minor_unit(
    order: SplitRequested, merchants: dict[str, MerchantChanged]
) -> None:
    for pot, earned, divided, parts in parts_of(order, merchants):
        assert sum(it.net_minor for it in parts) == earned.net_minor
        assert sum(it.commission_minor for it in parts) == earned.commission_minor
        assert sum(it.platform_fee_minor for it in parts) == earned.platform_fee_minor
        assert sum(it.tax_minor for it in parts) == earned.tax_minor
        assert sum(it.fee_minor for it in parts) == earned.fee_minor
        assert sum(it.chain_minor for it in parts) == (pot.freight_minor if earned.chain else 0)
        assert sum(it.own_minor for it in parts) == divided.stays_minor
        for place, portion in enumerate(divided.portions):
            own = portion.taken_minor - portion.passed_on_minor
            assert sum(it.passed_on[place] for it in parts) == own
        assert sum(it.held_minor for it in parts) == pot.worth_minor + earned.short_minor - pot.short_minor


@given(orders(), merchant_copies())
def test_no_part_is_below_zero_and_each_is_wholly_given_away(
    order: SplitRequested, merchants: dict[str, MerchantChanged]
) -> None:
    for pot, earned, _, parts in parts_of(order, merchants):
        for it in parts:
            numbers = [value for value in msgspec.structs.astuple(it) if isinstance(value, int)]
            assert min((*numbers, *it.passed_on, it.kept_minor)) >= 0
            assert it.own_minor + sum(it.passed_on) == it.net_minor
        goods = [it for it in parts if not it.freight]
        assert [it.line_id for it in goods] == [it.line_id for it in pot.lines]
        assert [it.commission_minor for it in goods] == list(earned.commissions)
        assert all(it.commission_minor == 0 for it in parts if it.freight)


@given(orders(), merchant_copies(), st.data())
def test_a_breakdown_explains_what_some_parts_come_to(
    order: SplitRequested, merchants: dict[str, MerchantChanged], data: st.DataObject
) -> None:
    for _, _, _, parts in parts_of(order, merchants):
        some = [it for it in parts if data.draw(st.booleans())]
        assert _explained(items.breakdown(some)) == sum(it.own_minor for it in some)
        assert _explained(items.held_breakdown(some)) == sum(it.held_minor for it in some)


def _explained(why: Breakdown) -> int:
    brought = why.gross_minor + why.freight_minor + why.adjustments_minor
    tax = why.commission_tax_minor or 0
    return brought - why.commission_minor - tax - why.fee_minor - why.passed_on_minor


def shipping(number: int, *lines: str) -> Progress:
    return Progress(kind="shipped", progress_id=f"s{number}", line_ids=lines, occurred_at=PAID_AT, hash="")


def patient(merchants: dict[str, MerchantChanged], **terms: Any) -> dict[str, MerchantChanged]:  # noqa: ANN401 - an agreement's fields
    """Let the money of all of them wait until the goods are shipped."""
    fields = {"trigger": "shipped", "trigger_days": 0, "cycle": "real_time", "direction": "pay"} | terms
    return {
        name: msgspec.structs.replace(
            copy, agreements=tuple(msgspec.structs.replace(it, **fields) for it in copy.agreements), blocked=()
        )
        for name, copy in merchants.items()
    }


@st.composite
def courses(draw: st.DrawFn, lines: list[str]) -> list[list[str]]:
    """All lines, divided into shipments."""
    shipments: list[list[str]] = []
    for name in draw(st.permutations(lines)):
        together: bool = draw(st.booleans())
        if shipments and together:
            shipments[-1].append(name)
        else:
            shipments.append([name])
    return shipments


class Course:
    """An order whose lines are shipped one shipment after another; everything that was booked and paid."""

    order: Order

    def __init__(self, order: SplitRequested, merchants: dict[str, MerchantChanged]) -> None:
        self._request = order
        self._merchants = merchants
        self.paid: Counter[str] = Counter()
        self.booked: Counter[str] = Counter()
        self.steps = [decided(order, merchants)]
        self._take(self.steps[0])

    def ship(self, shipments: list[list[str]]) -> None:
        """Let shipment after shipment go, and have the order looked at."""
        for number, lines in enumerate(shipments):
            facts = self.order.known_facts
            facts = msgspec.structs.replace(facts, progress=(*facts.progress, shipping(number, *lines)))
            self.order = msgspec.structs.replace(self.order, facts=facts)
            step = review(self.order, self._request, self._merchants, LATER)
            if step is not None:
                self.steps.append(step)
                self._take(step)

    def _take(self, step: Decision) -> None:
        self.order = step.order
        assert sum(step.entries.values()) == 0
        self.paid.update(legs_of(step))
        self.booked.update(step.entries)


@given(orders(), merchant_copies(), st.data())
def test_shipping_lines_in_any_order_and_grouping_ends_where_paying_at_once_does(
    order: SplitRequested, merchants: dict[str, MerchantChanged], data: st.DataObject
) -> None:
    course = Course(order, patient(merchants))
    course.ship(data.draw(courses([it.line_id for it in order.lines])))
    at_once = decided(order, patient(merchants, trigger="paid"))
    assert nonzero(course.paid) == nonzero(legs_of(at_once))
    assert nonzero(course.booked) == at_once.entries
    assert nonzero(held_of(course.steps[-1])) == nonzero(held_of(at_once))
    assert reasons_of(course.steps[-1]) == reasons_of(at_once)


@given(orders(), merchant_copies(), st.data())
def test_whatever_is_shipped_the_money_is_all_there_and_every_amount_is_explained(
    order: SplitRequested, merchants: dict[str, MerchantChanged], data: st.DataObject
) -> None:
    course = Course(order, patient(merchants))
    shipments = data.draw(courses([it.line_id for it in order.lines]))
    course.ship(shipments[: data.draw(st.integers(0, len(shipments)))])
    pooled = sum(it.amount_minor - it.fee_minor for it in order.payments)
    for step in course.steps:
        shares = step.order.shares
        added = sum(it.amount_minor for it in step.order.subsidies) + step.order.subsidy_due_minor
        assert sum(it.amount_minor for it in shares) == pooled + added
        assert all(it.amount_minor >= 0 for it in shares)
        assert all(_explained(it.breakdown) == it.amount_minor for it in shares)
        released = [(it.path, it.part) for it in shares if it.part]
        assert len(set(released)) == len(released)
        held = [it.path for it in shares if it.state == "held"]
        assert len(set(held)) == len(held)


@given(orders(), merchant_copies(), st.data())
def test_what_was_released_stays_as_it_was_and_parts_are_numbered_in_turn(
    order: SplitRequested, merchants: dict[str, MerchantChanged], data: st.DataObject
) -> None:
    course = Course(order, patient(merchants))
    course.ship(data.draw(courses([it.line_id for it in order.lines])))
    for before, after in zip(course.steps, course.steps[1:], strict=False):
        kept = {(it.path, it.part): it for it in after.order.shares if it.part}
        assert all(kept[it.path, it.part] == it for it in before.order.shares if it.part)
    numbers: dict[str, list[int]] = {}
    for it in course.order.shares:
        if it.part:
            numbers.setdefault(it.path, []).append(it.part)
    assert all(sorted(parts) == list(range(1, len(parts) + 1)) for parts in numbers.values())


@given(orders(), merchant_copies(), st.data())
def test_events_that_came_before_their_order_end_in_the_same_shares(
    order: SplitRequested, merchants: dict[str, MerchantChanged], data: st.DataObject
) -> None:
    shipments = data.draw(courses([it.line_id for it in order.lines]))[: data.draw(st.integers(0, 6))]
    facts = Facts(progress=tuple(shipping(number, *lines) for number, lines in enumerate(shipments)))
    early = decided(order, patient(merchants), facts, LATER)
    late = Course(order, patient(merchants))
    late.ship(shipments)
    assert nonzero(legs_of(early)) == nonzero(late.paid)
    assert nonzero(held_of(early)) == nonzero(held_of(late.steps[-1]))
    assert early.entries == nonzero(late.booked)


def test_two_lines_of_a_merchant_are_paid_on_their_own_days_to_it_its_receiver_and_the_platform() -> None:
    order = paid_order(
        line(1, 10_000, freight_minor=500),
        line(2, 6_001),
        fee=17,
        receivers=(extra("r", "merchant:m1", "percent", 1_000),),
    )
    course = Course(order, patient(copies(merchant("m1", agreement(fee_bearer="merchant")))))
    assert reasons_of(course.steps[0]) == {"merchant:m1": "awaiting_shipped"}
    course.ship([["l2"], ["l1"]])
    _, first, second = course.steps
    # Of the fee of 17, 6 fall on line 2, so that its net is 6,001 - 720 - 6 = 5,275, and that of all is 14,564. The
    # receiver has 1,456 of it: 928 of the 9,289 of line 1 and its freight, rounded down, and the rest of line 2.
    assert legs_of(first) == {"merchant:m1": 4_747, "merchant:r": 528, "platform:commission": 720}
    assert legs_of(second) == {"merchant:m1": 8_361, "merchant:r": 928, "platform:commission": 1_200}
    assert held_of(first) == {"m1": 10_489}
    assert (
        [it.leg_id for it in second.payout.legs]
        if second.payout
        else []
        == [
            "test-a/o:1/merchant:m1/2",
            "test-a/o:1/receiver:r/2",
            "test-a/o:1/platform:commission/2",
        ]
    )


def test_a_pot_that_the_platform_adds_to_goes_line_by_line_too() -> None:
    order = paid_order(line(1, 1_000), line(2, 10), fee=5)
    course = Course(order, patient(copies(merchant("m1", agreement(commission_bp=0)))))
    course.ship([["l1"]])
    assert course.paid == {"merchant:m1": 1_000}
    assert held_of(course.steps[-1]) == {"m1": 10}
    course.ship([["l1"], ["l2"]])
    assert course.paid == {"merchant:m1": 1_010}


def test_nothing_known_means_nothing_released() -> None:
    decision = decided(paid_order(), patient(copies(merchant("m1", agreement()))), NO_FACTS, LATER)
    assert decision.payout is None
