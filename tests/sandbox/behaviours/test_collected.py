"""Where merchants collect: each payment is frozen for its splits, within the product's figures, until released."""

import pytest
from tests.sandbox.asking import SHOP, Customer, give_back, order, payout, refund

WECHAT = "wechat-profit-sharing"
ECOMMERCE = "wechat-ecommerce"
ALIPAY = "alipay-split"
SYNC = "alipay-split-sync"
COLLECTING = [WECHAT, ECOMMERCE, ALIPAY, SYNC]
EARLIER = "2026-01-05T08:00:00Z"
A, B = "merchant:a", "merchant:b"
ALL_BOUND = (A, B, *(f"merchant:r{n}" for n in range(51)))


async def sold(customer: Customer, profile: str, amount_minor: int = 1000, **others: object) -> None:
    """Let a buyer pay a shop a while ago, under a product."""
    await customer.open(profile, *ALL_BOUND)
    await customer.pay("p1", amount_minor, merchant="shop", **others)
    await customer.ahead(minutes=2)


@pytest.mark.parametrize("profile", COLLECTING)
async def test_others_are_split_off_and_the_rest_comes_by_finish(customer: Customer, profile: str) -> None:
    await sold(customer, profile, fee_minor=6)
    assert await customer.done(payout("n1", 200), payout("n2", 100, B)) == [("succeeded", None)] * 2
    assert await customer.done(order("finish", "f1", 694, receiver=SHOP)) == [("succeeded", None)]
    assert await customer.received() == {A: 200, B: 100, SHOP: 694}
    assert await customer.pockets() == {}


@pytest.mark.parametrize("profile", COLLECTING)
async def test_a_request_that_does_not_say_which_payment_is_refused(customer: Customer, profile: str) -> None:
    await sold(customer, profile)
    ((state, reason),) = await customer.ask(payout("n1", 1, of=None))
    assert (state, reason in {"payment_unknown", "RESOURCE_NOT_EXISTS"}) == ("refused", True)


@pytest.mark.parametrize("profile", [WECHAT, ECOMMERCE])
async def test_what_was_not_asked_for_at_pay_time_is_not_split(customer: Customer, profile: str) -> None:
    await sold(customer, profile, split=False)
    assert await customer.ask(payout("n1", 1)) == [("refused", "NOT_SHARE_ORDER")]


async def test_a_split_is_possible_one_minute_after_the_payment(customer: Customer) -> None:
    await customer.open(WECHAT, A)
    await customer.pay("p1", 1000)
    assert await customer.ask(payout("n1", 1)) == [("refused", "too_early")]
    await customer.ahead(seconds=59)
    assert await customer.ask(payout("n1", 1)) == [("refused", "too_early")]
    await customer.ahead(seconds=61)
    assert await customer.ask(payout("n1", 1)) == [("accepted", None)]


async def test_a_payment_may_have_been_made_before_now(customer: Customer) -> None:
    await customer.open(SYNC, A)
    await customer.pay("p1", 1000, paid_at="2026-01-05T08:00:00Z", merchant="shop")
    (freed,) = await customer.moved()
    assert (freed["kind"], freed["amount_minor"], freed["receiver"]) == ("auto_unfreeze", 1000, SHOP)
    assert await customer.done(payout("n1", 10)) == [("succeeded", None)]


@pytest.mark.parametrize(("profile", "most"), [(WECHAT, 50), (SYNC, 5)])
async def test_a_request_has_only_so_many_receivers(customer: Customer, profile: str, most: int) -> None:
    await sold(customer, profile, 10_000)
    legs = [payout(f"n{n}", 1, f"merchant:r{n}") for n in range(most + 1)]
    assert await customer.ask(*legs) == [("refused", "too_many_receivers")] * (most + 1)
    assert await customer.done(*legs[:most]) == [("succeeded", None)] * most


async def test_a_receiver_stands_once_in_a_request(customer: Customer) -> None:
    await sold(customer, WECHAT)
    assert await customer.ask(payout("n1", 1), payout("n2", 2)) == [("refused", "receiver_twice")] * 2
    assert await customer.done(payout("n1", 1)) == [("succeeded", None)]
    assert await customer.done(payout("n2", 2)) == [("succeeded", None)]


async def test_an_order_is_split_by_at_most_fifty_requests(customer: Customer) -> None:
    await sold(customer, WECHAT)
    for n in range(50):
        assert await customer.ask(payout(f"n{n}", 1)) == [("accepted", None)]
    assert await customer.ask(payout("n49", 1)) == [("accepted", None)]  # repeated, it is no request more
    assert await customer.ask(payout("n50", 1)) == [("refused", "too_many_requests")]


async def test_the_cap_counts_every_split_of_the_order_ever(customer: Customer) -> None:
    await sold(customer, WECHAT)
    assert await customer.ask(payout("n1", 200), payout("n2", 101, B)) == [("refused", "RULE_LIMIT")] * 2
    assert await customer.done(payout("n1", 200)) == [("succeeded", None)]
    assert await customer.ask(payout("n2", 101, B)) == [("refused", "RULE_LIMIT")]
    assert await customer.done(give_back("r1", 200, "n1")) == [("succeeded", None)]
    assert await customer.ask(payout("n2", 101, B)) == [("refused", "RULE_LIMIT")]  # what came back is no new room
    await customer.post("caps", {"merchant": "shop", "cap_bp": 3010})
    assert await customer.done(payout("n2", 101, B)) == [("succeeded", None)]


async def test_results_come_leg_by_leg_after_the_request_was_accepted(customer: Customer) -> None:
    await sold(customer, WECHAT)
    stranger = payout("n2", 10, "merchant:stranger")
    assert await customer.ask(payout("n1", 10), stranger) == [("accepted", None)] * 2
    assert await customer.pockets() == {"pool": 980, "in_transit": 20}
    assert await customer.query("n1", "n2") == [("succeeded", None), ("failed", "NO_RELATION")]
    assert await customer.pockets() == {"pool": 990}
    assert await customer.done(order("finish", "f1", 990, receiver=SHOP)) == [("succeeded", None)]


async def test_in_sync_mode_it_is_all_or_nothing(customer: Customer) -> None:
    await sold(customer, SYNC)
    stranger = payout("n2", 10, "merchant:stranger")
    assert await customer.ask(payout("n1", 10), stranger) == [("failed", "receiver_not_bound")] * 2
    assert await customer.pockets() == {"pool": 1000}
    await customer.client.put("faults", json={"fail_receivers": {B: "CLOSED"}})
    assert await customer.ask(payout("n3", 10), payout("n4", 10, B)) == [("failed", "CLOSED")] * 2
    await customer.client.delete("faults")
    assert await customer.ask(payout("n5", 10), payout("n6", 10, B)) == [("succeeded", None)] * 2


@pytest.mark.parametrize(("profile", "told"), [(WECHAT, ("refused", "closed")), (ECOMMERCE, ("refused", "closed"))])
async def test_after_the_finish_nothing_is_split(customer: Customer, profile: str, told: tuple[str, str]) -> None:
    await sold(customer, profile)
    await customer.done(order("finish", "f1", 900, receiver=SHOP))
    assert await customer.ask(payout("n1", 10)) == [told]


async def test_a_finish_is_its_collectors_alone(customer: Customer) -> None:
    await sold(customer, WECHAT)
    assert await customer.ask(order("finish", "f1", 900, receiver=A)) == [("refused", "receiver_unknown")]


async def test_a_split_is_still_possible_after_a_release_where_the_product_says_so(customer: Customer) -> None:
    await sold(customer, ALIPAY)
    await customer.ahead(days=31)
    (freed,) = await customer.moved()
    assert (freed["kind"], freed["amount_minor"], freed["pool_minor"]) == ("auto_unfreeze", 1000, 0)
    assert await customer.done(payout("n1", 100)) == [("succeeded", None)]
    assert await customer.done(order("finish", "f1", 900, receiver=SHOP)) == [("succeeded", None)]
    assert await customer.received() == {A: 100, SHOP: 900}
    assert len(await customer.moved()) == 1


@pytest.mark.parametrize(("profile", "days"), [(WECHAT, 30), (ECOMMERCE, 180)])
async def test_a_freeze_ends_by_itself(customer: Customer, profile: str, days: int) -> None:
    await sold(customer, profile)
    await customer.done(payout("n1", 100))
    await customer.ahead(days=days, seconds=-60)
    assert await customer.moved() == []
    await customer.ahead(days=days, seconds=60)
    (freed,) = await customer.moved()
    assert (freed["kind"], freed["payment_id"], freed["amount_minor"]) == ("auto_unfreeze", "p1", 900)
    assert await customer.received() == {A: 100, SHOP: 900}
    assert await customer.pockets() == {}
    assert [it["kind"] for it in await customer.moved()] == ["auto_unfreeze"]  # once


async def test_one_payment_never_pays_for_another(customer: Customer) -> None:
    await sold(customer, WECHAT)
    await customer.pay("p2", 5000, merchant="other")
    await customer.post("caps", {"cap_bp": 10_000})
    assert await customer.ask(payout("n1", 1001, of="p1")) == [("refused", "RULE_LIMIT")]
    assert await customer.done(order("finish", "f1", 1000, receiver=SHOP)) == [("succeeded", None)]
    assert await customer.ask(refund("b1", 1)) == [("failed", "NOT_ENOUGH")]
    assert await customer.pockets() == {"pool": 5000}


async def test_a_refund_after_all_was_paid_is_funded_by_what_comes_back(customer: Customer) -> None:
    await sold(customer, ECOMMERCE)
    await customer.fund("platform:advance", 50)
    await customer.done(payout("n1", 300))
    await customer.done(order("finish", "f1", 700, receiver=SHOP))
    backs = (give_back("r1", 250, "n1"), give_back("r2", 700, "f1", SHOP), order("advance", "a1", 50))
    assert await customer.ask(*backs) == [("succeeded", None)] * 3
    assert await customer.done(refund("b1", 1000)) == [("succeeded", None)]
    assert await customer.received() == {A: 50, SHOP: 0}
    assert await customer.pockets() == {}


async def test_only_merchants_give_back_and_only_for_so_long(customer: Customer) -> None:
    await sold(customer, WECHAT)
    person = {"receiver": "merchant:driver", "kind": "person", "merchant": "shop"}
    await customer.post("receivers/bind", {"receivers": [person]})
    await customer.done(payout("n1", 100), payout("n2", 100, "merchant:driver"))
    assert await customer.ask(give_back("r1", 1, "n2", "merchant:driver")) == [("refused", "return_not_allowed")]
    await customer.ahead(days=179)
    assert await customer.ask(give_back("r2", 1, "n1")) == [("succeeded", None)]
    await customer.ahead(days=181)
    assert await customer.ask(give_back("r3", 1, "n1")) == [("refused", "return_too_late")]


async def test_a_payment_is_refunded_in_fifty_parts_within_a_year(customer: Customer) -> None:
    await sold(customer, WECHAT)
    for n in range(50):
        assert await customer.ask(refund(f"b{n}", 1)) == [("accepted", None)]
    assert await customer.ask(refund("b50", 1)) == [("refused", "too_many_refunds")]
    await customer.pay("p2", 10)
    await customer.ahead(days=366)
    assert await customer.ask(refund("c1", 1, "p2")) == [("refused", "refund_too_late")]


async def test_a_subsidy_comes_once_before_the_split_and_has_a_limit(customer: Customer) -> None:
    await sold(customer, ECOMMERCE)
    await customer.fund("platform:marketing", 1_000_000)
    assert await customer.ask(order("subsidy", "s1", 500_001)) == [("refused", "subsidy_too_large")]
    assert await customer.ask(order("subsidy", "s1", 100)) == [("succeeded", None)]
    assert await customer.ask(order("subsidy", "s2", 100)) == [("refused", "subsidy_too_large")]
    await customer.pay("p2", 1000, paid_at="2026-01-05T08:00:00Z", split=True)
    assert await customer.pockets() == {"pool": 2100, "platform:marketing": 999_900}


async def test_no_subsidy_is_added_once_a_payment_has_been_split(customer: Customer) -> None:
    await sold(customer, ECOMMERCE)
    await customer.fund("platform:marketing", 100)
    await customer.done(payout("n1", 10))
    assert await customer.ask(order("subsidy", "s1", 100)) == [("refused", "closed")]


async def test_profit_sharing_knows_no_subsidy(customer: Customer) -> None:
    await sold(customer, WECHAT)
    await customer.fund("platform:marketing", 100)
    assert await customer.ask(order("subsidy", "s1", 1)) == [("refused", "NO_AUTH")]


async def test_a_bank_may_return_a_split_and_the_payment_has_it_again(customer: Customer) -> None:
    await sold(customer, WECHAT)
    await customer.done(payout("n1", 100))
    await customer.post("returns", {"numbers": ["n1"], "reason": "late"})
    assert await customer.query("n1") == [("returned", "late")]
    assert await customer.done(order("finish", "f1", 1000, receiver=SHOP)) == [("succeeded", None)]


async def test_the_same_number_with_another_body_is_refused_in_the_products_word(customer: Customer) -> None:
    await sold(customer, WECHAT)
    await customer.done(payout("n1", 100))
    assert await customer.ask(payout("n1", 101)) == [("refused", "INVALID_REQUEST")]


async def test_a_request_for_another_product_is_refused(customer: Customer) -> None:
    await sold(customer, WECHAT)
    answer = await customer.client.post("transfers", json={"profile": ALIPAY, "transfers": [payout("n1", 1)]})
    assert (answer.status_code, answer.json()["reason"]) == (409, "profile_differs")
    assert await customer.query("n1") == [("not_found", None)]
