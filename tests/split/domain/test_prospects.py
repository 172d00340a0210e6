"""What a receiver may expect is what it gets, for every order; and when, where time alone decides."""

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given
from tests.split.decisions import SHANGHAI, SOON, decided, legs_of, review, split
from tests.split.examples import (
    PAID_AT,
    agreement,
    copies,
    extra,
    line,
    merchant,
    merchant_copies,
    orders,
    paid_order,
)
from tests.split.replica import settled

from shared.messages import MerchantChanged, SplitRequested
from split.domain.holds import Facts, Progress
from split.domain.orders import Order
from split.domain.prospects import Prospect, View, expected, expecting, released
from split.domain.rounds import Decision
from split.domain.settlements import Settlement, settle


def seen_by(receiver: str, now: Any = SOON) -> View:  # noqa: ANN401 - a time
    return View(receiver, SHANGHAI, now)


def everybody(order: SplitRequested) -> set[str]:
    return {it.merchant for it in order.lines} | {it.receiver for it in order.receivers}


def amounts(order: Order, request: SplitRequested, receiver: str) -> list[int | None]:
    return [it.amount_minor for it in expected(order, request, seen_by(receiver))]


def patient(copy: MerchantChanged) -> MerchantChanged:
    later = tuple(msgspec.structs.replace(it, trigger="completed") for it in copy.agreements)
    return msgspec.structs.replace(copy, agreements=later)


@given(orders(), merchant_copies())
def test_what_is_expected_of_held_money_is_what_comes(
    order: SplitRequested, merchants: dict[str, MerchantChanged]
) -> None:
    at_once, later = split(order, merchants), split(order, {name: patient(it) for name, it in merchants.items()})
    assert isinstance(at_once, Decision)
    assert isinstance(later, Decision)
    gets = legs_of(at_once)
    for receiver in everybody(order):
        hopes = amounts(later.order, order, receiver)
        if None in hopes or any(it.state == "held" for it in at_once.order.shares):
            continue
        assert sum(it for it in hopes if it is not None) == gets.get(f"merchant:{receiver}", 0)
        assert receiver in expecting(later.order, order) or f"merchant:{receiver}" in {
            it.receiver for it in later.order.shares
        }


@given(orders(), merchant_copies())
def test_nobody_expects_anything_of_an_order_that_is_paid(
    order: SplitRequested, merchants: dict[str, MerchantChanged]
) -> None:
    decision = decided(order, merchants)
    if any(it.state == "held" for it in decision.order.shares):
        return
    assert expecting(decision.order, order) == []
    for receiver in everybody(order):
        assert amounts(decision.order, order, receiver) == []
        parts = released(decision.order, seen_by(receiver))
        assert sum(it.amount_minor or 0 for it in parts) == legs_of(decision).get(f"merchant:{receiver}", 0)


CHAIN = (
    extra("outlet", "merchant:m1", "percent", 5_000),
    extra("driver", "receiver:outlet", "fixed", 100),
    extra("carrier", "freight", "remainder"),
)
TERMS: dict[str, Any] = {"trigger": "delivered", "trigger_days": 7, "freight_to": "chain", "commission_bp": 1_000}
TWO_LINES = paid_order(line(1, 1_000, freight_minor=50), line(2, 1_000), receivers=CHAIN)
LATER = copies(merchant("m1", agreement(**TERMS)))
DELIVERED = PAID_AT + timedelta(days=1)


def progressed(order: Order, *lines: str) -> Order:
    event = Progress(kind="delivered", progress_id="d1", line_ids=lines, occurred_at=DELIVERED, hash="")
    return msgspec.structs.replace(order, facts=Facts(progress=(event,)))


def prospects(order: Order, receiver: str) -> list[Prospect]:
    return expected(order, TWO_LINES, seen_by(receiver))


def test_nobody_knows_when_before_the_goods_are_delivered() -> None:
    held = decided(TWO_LINES, LATER).order
    assert expecting(held, TWO_LINES) == ["carrier", "driver", "outlet"]
    assert prospects(held, "driver") == [Prospect(amount_minor=100, state="expected", reason="awaiting_delivered")]
    assert prospects(held, "outlet")[0].amount_minor == 800
    assert prospects(held, "m1")[0].amount_minor == 900
    assert prospects(held, "carrier") == [Prospect(amount_minor=50, state="expected", reason="awaiting_delivered")]
    assert prospects(held, "stranger") == []


def test_once_they_are_delivered_the_days_are_counted() -> None:
    held = progressed(decided(TWO_LINES, LATER).order)
    (hope,) = prospects(held, "driver")
    due = SHANGHAI.after(DELIVERED, 7, working=False)
    assert (hope.amount_minor, hope.reason, hope.pay_at) == (100, "awaiting_delivered", due)


def test_what_is_released_line_by_line_and_what_is_left_are_the_whole() -> None:
    held = progressed(decided(TWO_LINES, LATER).order, "l1")
    due = SHANGHAI.after(DELIVERED, 7, working=False)
    step = review(held, TWO_LINES, LATER, now=due)
    assert step is not None
    assert step.payout is not None
    for receiver, whole in (("m1", 900), ("outlet", 800), ("driver", 100)):
        had = sum(it.amount_minor or 0 for it in released(step.order, seen_by(receiver)))
        (left,) = prospects(step.order, receiver)
        assert had > 0
        assert had + (left.amount_minor or 0) == whole
        assert (left.reason, left.pay_at) == ("awaiting_delivered", None)
    assert [(it.amount_minor, it.reason) for it in prospects(step.order, "carrier")] == [(50, "awaiting_delivered")]


def test_what_nobody_has_decided_has_no_amount() -> None:
    held = decided(TWO_LINES, {}).order
    assert prospects(held, "driver") == [Prospect(amount_minor=None, state="expected", reason="merchant_unknown")]
    assert prospects(held, "carrier")[0].amount_minor is None


def test_every_step_of_a_share_that_went_out_is_told() -> None:
    decision = decided(TWO_LINES, copies(merchant("m1", agreement(commission_bp=1_000))))
    payout = decision.payout
    assert payout is not None
    driver = seen_by("driver")
    on_its_way = Prospect(amount_minor=100, state="in_transit", reason="in_transit", payout_id="o:1.1")
    assert released(decision.order, driver) == [on_its_way]
    for state, told in (("succeeded", ("paid", "")), ("failed", ("available", "failed"))):
        after = settle(decision.order, settled(payout, state))
        assert isinstance(after, Settlement)
        (part,) = released(after.order, driver)
        assert (part.state, part.reason) == told
