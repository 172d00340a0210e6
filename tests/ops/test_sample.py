"""The sample orders that the repository makes up."""

import pytest

from ops import sample
from ops.send.draft import MerchantDraft
from shared.messages import OrderPaid, encode
from shared.money import CURRENCY_DECIMALS


def orders(count: int = 360) -> list[OrderPaid]:
    return [it for it in sample.items("demo-x", "demo-x", "r1", count) if isinstance(it, OrderPaid)]


def test_the_same_run_makes_the_same_orders_byte_for_byte() -> None:
    assert [encode(it) for it in orders()] == [encode(it) for it in orders()]


def test_another_run_makes_other_order_and_payment_ids() -> None:
    other = sample.order("demo-x", "demo-x", "r2", 0)
    assert other.order_id != orders(1)[0].order_id
    assert other.payments[0].channel_payment_id != orders(1)[0].payments[0].channel_payment_id


def test_every_order_adds_up_to_what_was_paid() -> None:
    for order in orders():
        sold = sum(it.amount_minor + it.freight_minor for it in order.lines)
        assert sold + sum(it.amount_minor for it in order.adjustments) == sum(it.amount_minor for it in order.payments)


def test_no_payment_is_below_its_fee_or_below_one() -> None:
    payments = [payment for order in orders() for payment in order.payments]
    assert all(0 <= it.fee_minor < it.amount_minor for it in payments)
    assert any(it.fee_minor for it in payments)


def test_currencies_of_zero_two_and_three_decimals_are_in_it() -> None:
    assert {CURRENCY_DECIMALS[order.currency] for order in orders()} == {0, 2, 3}


def test_each_scene_meets_each_currency() -> None:
    met = {(number % len(sample.SCENES), order.currency) for number, order in enumerate(orders())}
    assert len(met) == len(sample.SCENES) * len(sample.CURRENCIES)


def test_everybody_who_is_paid_is_agreed_with_before_the_first_order() -> None:
    items = list(sample.items("demo-x", "demo-x", "r1", 360))
    drafts = {it.merchant for it in items if isinstance(it, MerchantDraft)}
    assert all(isinstance(it, MerchantDraft) for it in items[: len(drafts)])
    named = {line.merchant for order in orders() for line in order.lines}
    named |= {receiver.receiver for order in orders() for receiver in order.receivers}
    assert named == drafts


@pytest.mark.parametrize("kind", ["discount", "subsidy", "surcharge"])
def test_each_kind_of_adjustment_is_in_it(kind: str) -> None:
    assert any(it.kind == kind for order in orders() for it in order.adjustments)


def test_a_logistics_chain_several_sellers_and_several_payments_are_in_it() -> None:
    assert any({it.parent for it in order.receivers} >= {"freight", "receiver:outlet-north"} for order in orders())
    assert any(len({it.merchant for it in order.lines}) > 2 for order in orders())
    assert any(len(order.payments) == 3 for order in orders())
    assert any(it.settlement_price_minor for order in orders() for it in order.lines)
