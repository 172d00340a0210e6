"""What a buyer pays reaches the pool once."""

from sandbox.domain.books import MARKETING, POOL
from sandbox.domain.payments import Fund, Payment, found, take_fund, take_payments

PAID = Payment(payment_id="p1", amount_minor=1000, currency="CNY", fee_minor=6)
FUND = Fund(fund_id="f1", pocket="platform:marketing", currency="CNY", amount_minor=500)


def test_the_pool_gets_the_payment_less_the_fee_of_the_channel() -> None:
    answers, change = take_payments([PAID], {})
    assert [answer.state for answer in answers] == ["succeeded"]
    assert change.pockets == {(POOL, "CNY"): 994}
    assert change.records == [PAID]


def test_a_repeated_payment_is_answered_again_and_moves_nothing() -> None:
    answers, change = take_payments([PAID, PAID], {"p1": PAID})
    assert [answer.state for answer in answers] == ["succeeded", "succeeded"]
    assert not change.pockets
    assert not change.records


def test_a_payment_twice_in_one_request_counts_once() -> None:
    _, change = take_payments([PAID, PAID], {})
    assert change.pockets == {(POOL, "CNY"): 994}
    assert change.records == [PAID]


def test_the_number_of_a_payment_means_one_payment_for_ever() -> None:
    other = Payment(payment_id="p1", amount_minor=1001, currency="CNY", fee_minor=6)
    answers, change = take_payments([PAID, other], {})
    assert [(answer.state, answer.reason) for answer in answers] == [
        ("succeeded", None),
        ("refused", "payment_differs"),
    ]
    assert change.records == [PAID]


def test_a_fee_above_the_payment_is_refused_and_its_number_stays_free() -> None:
    absurd = Payment(payment_id="p1", amount_minor=5, currency="CNY", fee_minor=6)
    answers, change = take_payments([absurd, PAID], {})
    assert [answer.reason for answer in answers] == ["fee_above_amount", None]
    assert change.records == [PAID]


def test_currencies_are_kept_apart() -> None:
    yen = Payment(payment_id="p2", amount_minor=70, currency="JPY")
    _, change = take_payments([PAID, yen], {})
    assert change.pockets == {(POOL, "CNY"): 994, (POOL, "JPY"): 70}


def test_an_unknown_payment_is_told_without_an_amount() -> None:
    assert found("p9", None).state == "not_found"
    assert found("p1", PAID).amount_minor == 1000


def test_a_fund_reaches_its_pocket_once() -> None:
    first, repeated = take_fund(FUND, None), take_fund(FUND, FUND)
    assert first is not None
    assert first.pockets == {(MARKETING, "CNY"): 500}
    assert repeated is not None
    assert not repeated.pockets


def test_the_number_of_a_fund_means_one_deposit_for_ever() -> None:
    other = Fund(fund_id="f1", pocket="platform:marketing", currency="CNY", amount_minor=501)
    assert take_fund(other, FUND) is None
