"""Custody pools and the platform's own balance: what each product adds to a pool that knows no limit."""

import pytest
from tests.sandbox.asking import SHOP, Customer, give_back, order, payout, refund

from shared.profiles import shipped

CUSTODY = [it.name for it in shipped() if it.family == "custody"]
DIRECTLY = [it.name for it in shipped() if it.custody is not None and not it.custody.by_hand]
REAL = [it.name for it in shipped() if it.custody is not None and it.custody.real_account_needed]
PINGAN = "pingan-witness"
STRIPE = "stripe-connect"
GIVING = [it.name for it in shipped() if it.collector != "merchant" and it.has("return") and not it.accepts_first]


async def paid(customer: Customer, profile: str, amount_minor: int = 1000) -> None:
    await customer.open(profile, "merchant:a", SHOP)
    await customer.pay("p1", amount_minor)


@pytest.mark.parametrize("profile", DIRECTLY)
async def test_a_pool_pays_what_is_in_it_and_no_more(customer: Customer, profile: str) -> None:
    await paid(customer, profile)
    assert await customer.ask(payout("n1", 1000, of=None)) == [("succeeded", None)]
    assert await customer.ask(payout("n2", 1, of=None)) == [("failed", "insufficient_funds")]


@pytest.mark.parametrize("profile", GIVING)
async def test_receivers_give_back_for_a_refund(customer: Customer, profile: str) -> None:
    await paid(customer, profile)
    await customer.ask(payout("n1", 1000))
    answers = await customer.ask(give_back("r1", 400, "n1"), refund("b1", 400))
    assert answers == [("succeeded", None)] * 2
    assert (await customer.received(), await customer.pockets()) == ({"merchant:a": 600}, {})


async def test_merchants_of_a_witness_account_only_receive(customer: Customer) -> None:
    await paid(customer, PINGAN)
    await customer.ask(payout("n1", 100))
    assert await customer.ask(give_back("r1", 1, "n1")) == [("refused", "receive_only")]


async def test_money_under_way_to_a_witnessed_payee_is_in_guarantee(customer: Customer) -> None:
    await paid(customer, PINGAN)
    await customer.client.put("faults", json={"accept_only": True})
    assert await customer.ask(payout("n1", 100)) == [("accepted", None)]
    assert await customer.pockets() == {"pool": 900, "guarantee": 100}
    assert await customer.query("n1") == [("succeeded", None)]
    assert await customer.pockets() == {"pool": 900}


@pytest.mark.parametrize("profile", REAL)
async def test_a_merchant_without_an_account_at_the_bank_is_not_paid(customer: Customer, profile: str) -> None:
    await paid(customer, profile)
    answers = await customer.ask(payout("n1", 1, "merchant:new"), payout("n2", 1, "platform:fee"), payout("n3", 1))
    assert answers == [("failed", "receiver_not_bound"), ("succeeded", None), ("succeeded", None)]


@pytest.mark.parametrize("profile", CUSTODY)
async def test_a_pool_has_no_finish(customer: Customer, profile: str) -> None:
    await paid(customer, profile)
    assert await customer.ask(order("finish", "f1", 1, receiver=SHOP)) == [("refused", "operation_unknown")]


async def test_the_platforms_balance_may_be_owed_by_refunds_and_never_by_payouts(customer: Customer) -> None:
    await paid(customer, STRIPE)
    assert await customer.ask(payout("n1", 1000)) == [("succeeded", None)]
    assert await customer.ask(payout("n2", 1)) == [("failed", "balance_insufficient")]
    assert await customer.ask(refund("b1", 400)) == [("succeeded", None)]
    assert await customer.pockets() == {"pool": -400}
    assert await customer.move("chargeback", "c1", 600, payment_id="p1") == ("succeeded", None)
    assert await customer.pockets() == {"pool": -1000}
    await customer.pay("p2", 1500)
    assert await customer.ask(payout("n3", 501)) == [("failed", "balance_insufficient")]
    assert await customer.ask(payout("n3b", 500)) == [("succeeded", None)]


async def test_everywhere_else_a_refund_needs_the_money(customer: Customer) -> None:
    await paid(customer, "allinpay-strong-2")
    await customer.ask(payout("n1", 1000))
    assert await customer.ask(refund("b1", 1)) == [("failed", "insufficient_funds")]


async def test_what_is_moved_by_hand_waits_for_the_operator(customer: Customer) -> None:
    await paid(customer, "allinpay-weak")
    assert await customer.done(payout("n1", 1000)) == [("accepted", None)]
    assert await customer.pockets() == {"in_transit": 1000}


async def fee_refunds(customer: Customer, *asked: int) -> list[tuple[str, int | None]]:
    batch = [refund(f"b{place}", 10) | {"fee_minor": fee} for place, fee in enumerate(asked)]
    told = (await customer.post("transfers", {"transfers": batch}))["transfers"]
    return [(it["state"], it.get("fee_refunded_minor")) for it in told]


async def test_a_fee_is_given_back_as_far_as_the_refund_names_it(customer: Customer) -> None:
    await customer.open("allinpay-strong-2")
    await customer.pay("p1", 1000, fee_minor=6)
    assert await fee_refunds(customer, 4, 3, 2) == [("succeeded", 4), ("refused", None), ("succeeded", 2)]
    assert await customer.pockets() == {"pool": 974, "platform:fees_back": 6}
    await customer.post("returns", {"numbers": ["b0"], "reason": "closed"})
    assert await customer.pockets() == {"pool": 984, "platform:fees_back": 2}


@pytest.mark.parametrize("profile", ["wechat-ecommerce", STRIPE, "sandbox-direct"])
async def test_elsewhere_the_fee_is_kept(customer: Customer, profile: str) -> None:
    await customer.open(profile)
    await customer.pay("p1", 1000, fee_minor=6)
    assert await fee_refunds(customer, 1) == [("refused", None)]
