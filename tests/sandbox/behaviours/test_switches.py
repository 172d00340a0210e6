"""Switches that hit what a request is answered with, and the sheet of those who move money by hand."""

import pytest
from tests.sandbox.asking import Customer, order, payout, refund

from sandbox.api.rates import Limiter
from sandbox.problems import Problem
from shared.profiles import shipped


async def test_more_requests_than_a_second_allows_are_told_when_to_come_again(customer: Customer) -> None:
    await customer.pay("p1", 100)
    await customer.client.put("faults", json={"operations": ["transfers"], "rate_limit": 1})
    assert await customer.ask(payout("n1", 1)) == [("succeeded", None)]
    answer = await customer.client.post("transfers", json={"transfers": [payout("n2", 1)]})
    assert (answer.status_code, answer.json()["reason"]) == (429, "rate_limited")
    assert int(answer.headers["retry-after"]) >= 1
    assert await customer.query("n2") == [("not_found", None)]


def test_a_product_serves_as_many_requests_a_second_as_it_says() -> None:
    now, reasons = [0.0], set[str]()
    limiter = Limiter(lambda: now[0])
    wechat = shipped().find("wechat-profit-sharing")
    assert wechat is not None

    def served() -> bool:
        try:
            limiter.take("acc pay", wechat.rates.per_account["pay"], wechat.said("rate_limited"))
        except Problem as problem:
            reasons.add(problem.reason)
            return False
        return True

    assert sum(served() for _ in range(400)) == 300
    now[0] = 0.999
    assert not served()
    now[0] = 1.0
    assert sum(served() for _ in range(400)) == 300
    assert reasons == {"FREQUENCY_LIMITED"}


async def test_some_legs_of_a_request_fail(customer: Customer) -> None:
    await customer.pay("p1", 100)
    await customer.client.put("faults", json={"partial_success": True})
    answers = await customer.ask(*(payout(f"n{n}", 1) for n in range(4)))
    assert answers == [("succeeded", None), ("failed", "closed")] * 2
    assert await customer.pockets() == {"pool": 98}


async def test_people_carry_out_the_sheet_or_say_why_not(customer: Customer) -> None:
    await customer.open("allinpay-weak")
    await customer.pay("p1", 100)
    await customer.fund("platform:marketing", 5)
    batch = (payout("n1", 60), payout("n2", 30), refund("b1", 10), order("subsidy", "s1", 5))
    assert await customer.done(*batch) == [("accepted", None)] * 4
    sheet = (await customer.client.get("sheet")).json()["transfers"]
    assert [it["number"] for it in sheet] == ["b1", "n1", "n2", "s1"]
    await customer.post("sheet/confirm", {"numbers": ["n1", "b1", "s1"], "done": True})
    await customer.post("sheet/confirm", {"numbers": ["n2"], "done": False, "reason": "account_closed"})
    for _ in range(2):
        found = await customer.query("n1", "n2", "b1", "s1")
        assert found == [("succeeded", None), ("failed", "account_closed"), ("succeeded", None), ("succeeded", None)]
        await customer.post("sheet/confirm", {"numbers": ["n2", "n1"], "done": True})
    assert (await customer.client.get("sheet")).json()["transfers"] == []
    assert await customer.pockets() == {"pool": 35}


@pytest.mark.parametrize("profile", ["wechat-ecommerce", "allinpay-weak", "stripe-connect"])
async def test_a_refund_can_be_stopped_in_mid_way_under_any_product(customer: Customer, profile: str) -> None:
    await customer.open(profile)
    await customer.pay("p1", 100)
    await customer.client.put("faults", json={"kinds": ["refund"], "accept_only": True, "stay_accepted": True})
    assert await customer.done(refund("b1", 100)) == [("accepted", None)]
    await customer.client.delete("faults")
    if profile == "allinpay-weak":
        await customer.post("sheet/confirm", {"numbers": ["b1"], "done": True})
    assert await customer.query("b1") == [("succeeded", None)]
