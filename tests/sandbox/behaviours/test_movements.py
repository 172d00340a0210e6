"""What the institution moves by itself is listed in the order it happened, and every pool stays above zero."""

import pytest
from tests.sandbox.asking import SHOP, Customer, payout, refund

POOL = "allinpay-strong-2"
PINGAN = "pingan-witness"


async def paid(customer: Customer, profile: str = POOL) -> None:
    await customer.open(profile)
    await customer.pay("p1", 1000)


async def test_movements_are_listed_in_the_order_they_happened_from_where_one_left_off(customer: Customer) -> None:
    await paid(customer)
    assert await customer.move("inbound", "z", 5, reference="s:1") == ("succeeded", None)
    assert await customer.move("deduction", "a", 7, receiver=SHOP) == ("succeeded", None)
    first, second = await customer.moved()
    assert (first["movement_id"], first["reference"], first["pool_minor"]) == ("z", "s:1", 5)
    assert (second["movement_id"], second["receiver"], second["moved_at"] >= first["moved_at"]) == ("a", SHOP, True)
    page = (await customer.client.get("movements", params={"limit": 1})).json()
    assert [it["movement_id"] for it in await customer.moved(page["next_cursor"])] == ["a"]
    last = (await customer.client.get("movements", params={"cursor": "2"})).json()
    assert last == {"movements": [], "next_cursor": None}


async def test_a_movement_happens_once(customer: Customer) -> None:
    await paid(customer)
    for _ in range(2):
        assert await customer.move("console_refund", "m1", 100, payment_id="p1") == ("succeeded", None)
    assert await customer.move("console_refund", "m1", 101, payment_id="p1") == ("refused", "number_reused")
    assert await customer.pockets() == {"pool": 900}
    assert len(await customer.moved()) == 1


async def test_a_refund_by_console_counts_as_a_refund(customer: Customer) -> None:
    await paid(customer)
    await customer.move("console_refund", "m1", 600, payment_id="p1")
    assert await customer.ask(refund("b1", 401)) == [("refused", "refund_above_paid")]
    assert await customer.ask(refund("b1", 400)) == [("succeeded", None)]
    await customer.pay("p2", 10)
    assert await customer.move("console_refund", "m2", 1, payment_id="p1") == ("refused", "refund_above_paid")
    await customer.ask(payout("n1", 10))
    assert await customer.move("console_refund", "m3", 1, payment_id="p2") == ("refused", "insufficient_funds")


async def test_the_platform_stands_for_what_a_chargeback_takes_beyond_the_pool(customer: Customer) -> None:
    await paid(customer)
    await customer.ask(payout("n1", 700))
    assert await customer.move("chargeback", "c1", 1000, payment_id="p1") == ("succeeded", None)
    assert await customer.pockets() == {"platform:liable": -700}
    assert await customer.move("chargeback_reversed", "c2", 1000, reverses="c9") == ("refused", "chargeback_unknown")
    assert await customer.move("chargeback_reversed", "c2", 1000, payment_id="p1", reverses="c1") == ("succeeded", None)
    assert await customer.pockets() == {"pool": 300}
    assert [it["pool_minor"] for it in await customer.moved()] == [-300, 300]


async def test_a_chargeback_of_a_collected_payment_takes_what_is_frozen_of_it(customer: Customer) -> None:
    await customer.open("wechat-ecommerce", SHOP)
    await customer.pay("p1", 1000, merchant="shop")
    await customer.pay("p2", 500, merchant="shop")
    await customer.ahead(minutes=2)
    await customer.ask(payout("n1", 300, SHOP))
    await customer.query("n1")
    await customer.move("chargeback", "c1", 1000, payment_id="p1")
    assert await customer.pockets() == {"pool": 500, "platform:liable": -300}
    assert await customer.ask(payout("n2", 100, SHOP, of="p2")) == [("accepted", None)]


@pytest.mark.parametrize("kind", ["chargeback", "console_refund"])
async def test_nothing_is_taken_for_a_payment_that_nobody_made(customer: Customer, kind: str) -> None:
    await paid(customer)
    assert await customer.move(kind, "m1", 1, payment_id="p9") == ("refused", "payment_unknown")


async def test_money_from_an_unknown_sender_rests_in_suspense_until_it_is_registered(customer: Customer) -> None:
    await paid(customer, PINGAN)
    await customer.move("inbound", "i1", 50, reference="who?")
    assert await customer.pockets() == {"pool": 1000, "suspense": 50}
    for _ in range(2):
        found = await customer.post("suspense/i1/register", {"merchant": "shop"})
        assert (found["receiver"], found["pool_minor"]) == (SHOP, 50)
        assert await customer.pockets() == {"pool": 1050}
    found = await customer.post("suspense/i1/unregister")
    assert (found.get("receiver"), found["pool_minor"]) == (None, 0)
    assert await customer.pockets() == {"pool": 1000, "suspense": 50}
    answer = await customer.client.post("suspense/i9/register", json={"merchant": "shop"})
    assert (answer.status_code, answer.json()["reason"]) == (404, "movement_unknown")


async def test_a_sender_who_is_known_pays_into_the_pool(customer: Customer) -> None:
    await paid(customer, PINGAN)
    await customer.move("inbound", "i1", 50, receiver=SHOP)
    assert await customer.pockets() == {"pool": 1050}
