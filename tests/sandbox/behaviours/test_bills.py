"""The bill of a day: every line of that day and of no other, with its totals, in the product's own format."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.sandbox.asking import SHOP, Customer, give_back, payout, refund

from sandbox.api import bills
from sandbox.domain.bills import yuan

TODAY = datetime.now(UTC).date()


async def bill(customer: Customer, kind: str, day: date) -> list[str]:
    answer = await customer.client.get(f"bills/{day}", params={"kind": kind})
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


async def sold(customer: Customer, profile: str, *paid_at: str) -> None:
    await customer.open(profile, "merchant:a")
    for place, at in enumerate(paid_at):
        await customer.pay(f"p{place}", 1000 + place, fee_minor=6, merchant="shop", paid_at=at)


async def test_wechats_bill_is_in_yuan_behind_backticks_and_ends_with_totals(customer: Customer) -> None:
    await sold(customer, "wechat-ecommerce", "2026-01-05T15:59:59Z", "2026-01-05T16:00:00Z", "2026-01-06T15:59:59Z")
    lines = await bill(customer, "payments", date(2026, 1, 6))  # China's day, eight hours before that of UTC
    assert lines[1:] == [
        "`2026-01-06 00:00:00,`p1,`payment,`,`shop,`CNY,`10.01,`0.06,`succeeded",
        "`2026-01-06 23:59:59,`p2,`payment,`,`shop,`CNY,`10.02,`0.06,`succeeded",
        "总笔数,总金额(元),总手续费(元)",
        "`2,`20.03,`0.12",
    ]
    assert len(lines[0].split(",")) == len(lines[1].split(","))


async def test_the_bills_of_others_are_csv_in_minor_units(customer: Customer) -> None:
    await sold(customer, "stripe-connect", "2026-01-05T23:59:59Z", "2026-01-06T00:00:00Z")
    lines = await bill(customer, "fees", date(2026, 1, 5))
    assert lines == [
        "number,kind,of,receiver,currency,amount_minor,fee_minor,state,at",
        "p0,fee,,shop,CNY,6,6,succeeded,2026-01-05T23:59:59.000+00:00",
    ]


async def test_what_was_paid_out_returned_and_refunded_stands_on_bills_of_their_own(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bills, "PAGE_LINES", 2)
    await customer.pay("p1", 1000)
    await customer.ask(
        *(payout(f"n{n}", 10, SHOP) for n in range(4)), give_back("r1", 10, "n1", SHOP), refund("b1", 20)
    )
    await customer.ask(payout("n9", 10_000))  # fails, so that it is on no bill
    await customer.move("console_refund", "m1", 5, payment_id="p1")
    await customer.ahead(days=1, hours=1)
    day = TODAY
    names = {
        kind: [it.split(",")[0] for it in (await bill(customer, kind, day))[1:]] for kind in ("payouts", "returns")
    }
    assert names == {"payouts": ["n0", "n1", "n2", "n3"], "returns": ["r1"]}
    assert [it.split(",")[:6] for it in (await bill(customer, "refunds", day))[1:]] == [
        ["b1", "refund", "p1", "buyer", "CNY", "20"],
        ["m1", "console_refund", "p1", "", "CNY", "5"],
    ]
    assert await bill(customer, "refunds", day - timedelta(days=1)) == [(await bill(customer, "refunds", day))[0]]


async def test_a_day_that_is_not_over_has_no_bill_yet(customer: Customer) -> None:
    answer = await customer.client.get(f"bills/{TODAY}", params={"kind": "payments"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "day_not_over")
    assert (await customer.client.get("bills/yesterday", params={"kind": "payments"})).status_code == 422
    assert (await customer.client.get(f"bills/{TODAY}", params={"kind": "all"})).status_code == 422


@pytest.mark.parametrize(("minor", "currency", "said"), [(5, "CNY", "0.05"), (-105, "CNY", "-1.05"), (7, "JPY", "7")])
def test_an_amount_is_exact_in_its_unit(minor: int, currency: str, said: str) -> None:
    assert yuan(minor, currency) == said
