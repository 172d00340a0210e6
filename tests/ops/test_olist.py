"""Rows in the olist layout, written here by hand, and what they become."""

from datetime import UTC, datetime

import msgspec
import pytest

from ops import olist
from ops.olist import Row


def row(*, payments: list[int], items: list[tuple[str, int, int]], approved_at: str = "2017-06-01T10:00:00") -> Row:
    """Return a row with these payments, and these items of seller, price and freight."""
    content = {
        "order_id": "order1",
        "customer_id": "customer1",
        "status": "delivered",
        "approved_at": approved_at,
        "currency": "BRL",
        "payments": [{"seq": n, "type": "voucher", "value": value} for n, value in enumerate(payments, start=1)],
        "items": [
            {"seq": n, "product_id": f"product{n}", "seller_id": seller, "price": price, "freight": freight}
            for n, (seller, price, freight) in enumerate(items, start=1)
        ],
    }
    return msgspec.json.decode(msgspec.json.encode(content), type=Row)


def test_every_item_is_a_line_of_its_seller_with_freight_beside_the_price() -> None:
    order = olist.order_paid(row(payments=[3650], items=[("a", 1000, 250), ("b", 2000, 400)]), "olist", "olist")
    found = [
        (line.line_id, line.merchant, line.quantity, line.amount_minor, line.freight_minor) for line in order.lines
    ]
    assert found == [("1", "a", 1, 1000, 250), ("2", "b", 1, 2000, 400)]
    assert order.adjustments == ()


def test_every_payment_is_a_payment_without_a_fee_even_one_of_nothing() -> None:
    order = olist.order_paid(row(payments=[1250, 0], items=[("a", 1000, 250)]), "olist", "account")
    found = [(it.channel_payment_id, it.amount_minor, it.fee_minor, it.channel_account) for it in order.payments]
    assert found == [("order1-1", 1250, 0, "account"), ("order1-2", 0, 0, "account")]
    assert {it.channel_profile for it in order.payments} == {"sandbox-direct"}


def test_what_is_paid_beyond_the_goods_is_a_surcharge_of_the_platform() -> None:
    order = olist.order_paid(row(payments=[1251], items=[("a", 1000, 250)]), "olist", "olist")
    assert [(it.kind, it.amount_minor, it.party) for it in order.adjustments] == [("surcharge", 1, "platform:fee")]


def test_what_is_paid_short_of_the_goods_is_a_discount_that_marketing_bears() -> None:
    order = olist.order_paid(row(payments=[1000, 200], items=[("a", 1000, 250)]), "olist", "olist")
    assert [(it.kind, it.amount_minor, it.party) for it in order.adjustments] == [
        ("discount", -50, "platform:marketing")
    ]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        pytest.param("2017-06-01T10:00:00", datetime(2017, 6, 1, 13, tzinfo=UTC), id="winter is three hours behind"),
        pytest.param("2017-12-01T10:00:00", datetime(2017, 12, 1, 12, tzinfo=UTC), id="summer is two hours behind"),
        pytest.param(
            "2018-02-17T23:30:00", datetime(2018, 2, 18, 1, 30, tzinfo=UTC), id="a repeated hour is the first"
        ),
        pytest.param("2017-10-15T00:30:00", datetime(2017, 10, 15, 3, 30, tzinfo=UTC), id="a skipped hour is read on"),
    ],
)
def test_local_time_of_approval_becomes_utc(local: str, utc: datetime) -> None:
    order = olist.order_paid(row(payments=[1], items=[("a", 1, 0)], approved_at=local), "olist", "olist")
    assert order.paid_at == utc
    assert order.paid_at.tzinfo is UTC


def test_every_seller_agrees_to_twelve_percent_paid_out_at_once() -> None:
    draft = olist.seller("olist", "0123456789abcdef")
    assert (draft.merchant, draft.kind) == ("0123456789abcdef", "pop")
    terms = draft.agreement
    assert (terms.commission_bp, terms.price_mode, terms.trigger, terms.cycle) == (
        1200,
        "commission",
        "paid",
        "real_time",
    )
    assert (terms.refund_bearer, terms.refund_commission, terms.refund_surcharge) == (
        "original_payee",
        "returned",
        "returned",
    )
    assert terms.effective_from < datetime(2016, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("missing", ["order_id", "approved_at", "payments", "items"])
def test_a_row_without_what_an_order_needs_is_refused(missing: str) -> None:
    content = msgspec.to_builtins(row(payments=[1], items=[("a", 1, 0)]))
    del content[missing]
    with pytest.raises(msgspec.ValidationError, match=missing):
        msgspec.json.decode(msgspec.json.encode(content), type=Row)
