"""The institution's record against the claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.payments.examples import discount, line, order, payment, receiver

from payments.domain.proof import ChannelRecord, Proved, Unverified, prove, to_prove
from payments.domain.reasons import Rejected
from shared.messages import encode


def record(amount_minor: int = 1_200, currency: str = "EUR", fee_minor: int = 0) -> ChannelRecord:
    return ChannelRecord(amount_minor=amount_minor, currency=currency, fee_minor=fee_minor)


TWO = order(payments=(payment("a", 700), payment("b", 500)))


def test_a_claim_that_the_institution_confirms_is_split_with_the_institutions_fee() -> None:
    proved = prove(order(payments=(payment("a", fee_minor=99),)), {"a": record(fee_minor=12)}, {})
    assert isinstance(proved, Proved)
    assert [it.fee_minor for it in proved.order.payments] == [12]
    assert proved.net_minor == 1_188


def test_a_payment_the_institution_does_not_know_leaves_the_order_unverified() -> None:
    verdict = prove(TWO, {"a": record(700), "b": None}, {})
    assert isinstance(verdict, Unverified)
    assert "b" in verdict.detail


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (record(1_199), "payment_amount_differs"),
        (record(currency="USD"), "payment_currency_differs"),
        (record(fee_minor=1_201), "payment_fee_above_amount"),
        (record(fee_minor=-1), "payment_fee_above_amount"),
    ],
)
def test_a_payment_the_institution_knows_otherwise_refuses_the_order(known: ChannelRecord, reason: str) -> None:
    verdict = prove(order(payments=(payment("a"),)), {"a": known}, {})
    assert isinstance(verdict, Rejected)
    assert verdict.reason == reason


def test_a_payment_of_another_proved_order_is_not_used_twice() -> None:
    verdict = prove(order(payments=(payment("a"),)), {"a": record()}, {"a": "test-shop/o-9"})
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "payment_used"


def test_a_contradiction_outweighs_a_missing_payment() -> None:
    assert isinstance(prove(TWO, {"b": record(501)}, {}), Rejected)


def test_a_payment_of_nothing_is_proved_without_being_asked_for_or_claimed() -> None:
    claimed = order(payments=(payment("a"), payment("voucher", 0)))
    assert to_prove(claimed) == ("a",)
    assert isinstance(prove(claimed, {"a": record()}, {"voucher": "test-shop/o-9"}), Proved)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=32))
def test_what_goes_to_the_pool_is_paid_minus_the_institutions_fees(amounts: list[tuple[int, int]]) -> None:
    claimed = order(payments=tuple(payment(f"p{at}", amount) for at, (amount, _) in enumerate(amounts)))
    records = {f"p{at}": record(amount, fee_minor=min(fee, amount)) for at, (amount, fee) in enumerate(amounts)}
    proved = prove(claimed, records, {})
    assert isinstance(proved, Proved)
    assert proved.net_minor == sum(amount - min(fee, amount) for amount, fee in amounts)
    assert proved.net_minor >= 0


def test_the_largest_order_that_its_contract_allows_still_fits_a_record_when_it_is_split() -> None:
    long, wide, most = "x" * 64, "\U0001f9fe" * 128, 2**53 - 1
    claimed = order(
        long,
        buyer=long,
        payments=tuple(payment(long, most, most, channel_profile=long, channel_account=long) for _ in range(32)),
        lines=tuple(
            line(long, most, most, sku=long, category=wide, merchant=long, quantity=10**6, settlement_price_minor=most)
            for _ in range(500)
        ),
        adjustments=tuple(discount(-most, "m" * 200, kind="surcharge", line_id=long) for _ in range(500)),
        receivers=tuple(receiver(long, "m" * 200, share="remainder", value=most) for _ in range(50)),
    )
    proved = prove(claimed, {long: record(most, fee_minor=most)}, {})
    assert isinstance(proved, Proved)
    assert len(encode(proved.order)) < 1_000_000
