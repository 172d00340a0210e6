"""Channel-moved on a real MongoDB: chargebacks and their end in both orders, and money that belongs to no order."""

import pytest
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.goods import progress
from tests.split.moneys import approval, moved, settled
from tests.split.replica import Replica
from tests.split.replica import settled as paid

NEWS = merchant("m1", agreement(commission_bp=1_000))
ORDER = paid_order(line(1, 1_000))
TAKEN = moved("chargeback", 1_000)
BACK = moved("chargeback_reversed", 1_000, "m2", reverses="m1")


async def sold(replica: Replica) -> None:
    """Split the order, and have its payout succeed."""
    await replica.take(NEWS, ORDER)
    await replica.take(paid(replica.published.payouts()[-1]))


async def end(replica: Replica) -> None:
    """Have all that split has asked for done."""
    for plan in replica.published.plans():
        await replica.take(settled(plan))
    for payout in replica.published.payouts():
        await replica.take(paid(payout))


async def test_a_chargeback_is_booked_at_once_and_asked_back_from_who_was_paid(replica: Replica) -> None:
    await sold(replica)
    await replica.take(TAKEN)
    (plan,) = replica.published.plans()
    assert (plan.refunds, [(it.receiver, it.amount_minor) for it in plan.returns]) == ((), [("merchant:m1", 900)])
    assert (await replica.balances())["channel:clearing/test-a"] == 1_000
    await replica.take(settled(plan))
    assert await replica.balances() == {}


async def test_a_chargeback_stops_what_is_held_and_its_reversal_pays_it(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement(commission_bp=1_000, trigger="shipped")), ORDER)
    await replica.take(TAKEN)
    assert replica.published.plans() == []  # nobody was paid, so nobody is asked for anything
    assert await replica.balances() == {}
    await replica.take(progress())
    assert (await replica.shares())["merchant:m1"] == ("held", "frozen:chargeback:m1", 0)
    await replica.take(BACK)
    legs = [it for payout in replica.published.payouts() for it in payout.legs]
    assert sum(it.amount_minor for it in legs if it.receiver == "merchant:m1") == 900
    assert sum(it.amount_minor for it in legs if it.receiver == "platform:commission") == 100
    await end(replica)
    assert await replica.balances() == {}


@pytest.mark.parametrize("together", [True, False])
async def test_a_reversal_that_is_heard_of_first_waits_for_what_it_reverses(
    replica: Replica, *, together: bool
) -> None:
    await sold(replica)
    if together:
        await replica.take(BACK, TAKEN)
    else:
        await replica.take(BACK)
        await replica.take(TAKEN)
    await end(replica)
    assert await replica.balances() == {}


@pytest.mark.parametrize("movements", [[TAKEN], [TAKEN, BACK], [BACK, TAKEN]])
async def test_what_came_before_its_order_is_booked_with_it(replica: Replica, movements: list[object]) -> None:
    for movement in movements:
        await replica.take(movement)  # type: ignore[arg-type] # a movement
    await replica.take(NEWS, ORDER)
    await end(replica)
    assert await replica.balances() == {}


async def test_a_movement_in_another_currency_is_refused_before_its_order_too(replica: Replica) -> None:
    await replica.take(moved("chargeback", 1_000, currency="JPY"))
    await replica.take(NEWS, ORDER)
    order = await replica.order()
    assert [it["movement_id"] for it in order["early_facts"]["moved"]] == ["m1"]
    await replica.take(moved("chargeback", 1_000, "m3", currency="JPY"))
    assert replica.published.dead() == ["currency_differs"]
    assert (await replica.balances())["channel:clearing/test-a"] == -1_000


async def test_more_that_comes_back_than_was_taken_waits_for_somebody_to_look_at_it(replica: Replica) -> None:
    await sold(replica)
    await replica.take(TAKEN, moved("chargeback_reversed", 1_300, "m2", reverses="m1"))
    await end(replica)
    assert await replica.balances() == {"channel:clearing/test-a": -300, "suspense/test-a": 300}


async def test_refunds_wait_while_a_chargeback_is_open(replica: Replica) -> None:
    await sold(replica)
    await replica.take(moved("chargeback", 400))
    await replica.take(approval(600))
    assert (await replica.refunds())["r1"]["reason"] == "chargeback_open"
    await replica.take(moved("chargeback_reversed", 400, "m2", reverses="m1"))
    assert (await replica.refunds())["r1"]["state"] == "requested"


async def test_a_refund_made_in_the_console_is_borne_like_any_and_counts_in_what_was_paid(replica: Replica) -> None:
    await sold(replica)
    await replica.take(moved("console_refund", 700))
    (plan,) = replica.published.plans()
    assert [(it.receiver, it.amount_minor) for it in plan.returns] == [("merchant:m1", 630)]
    await replica.take(approval(301))
    assert replica.published.plans()[-1].refused == "refund_exceeds_paid"
    await replica.take(approval(300, refund_id="r2"))
    assert replica.published.plans()[-1].refused is None


async def test_one_batch_books_an_orders_movement_and_an_accounts(replica: Replica) -> None:
    await sold(replica)
    inbound = moved("inbound", 500, "m8", order_id=None, reference="deposit:m1")
    await replica.take(TAKEN, inbound)
    balances = await replica.balances()
    assert balances["deposit/m1"] == 500
    assert balances["channel:clearing/test-a"] == 500
    assert await replica.database.links.count_documents({}) == 3


async def test_one_batch_makes_debt_and_takes_its_payment(replica: Replica) -> None:
    """The debt that the chargeback makes, and the deduction that pays off an older one, are one guard."""
    await replica.take(merchant("m1", agreement(commission_bp=1_000, channel_profile="pingan-witness")))
    order = paid_order(line(1, 1_000))
    await replica.take(order)
    await replica.take(TAKEN)
    assert (await replica.balances())["merchant:debt/m1"] == -900
    more = moved("chargeback", 1_000, "m5", order_id="2")
    pays = moved("deduction", 400, "m6", order_id=None, receiver="merchant:m1")
    await replica.take(paid_order(line(1, 10_000), order_id="2"))
    await replica.take(more, pays)
    guard = await replica.database.guards.find_one({"_id": "test-a/m1/BRL"}) or {}
    assert -(await replica.balances()).get("merchant:debt/m1", 0) == guard["debt_minor"]


async def test_a_deposit_a_debts_payment_and_what_nobody_knows(replica: Replica) -> None:
    await replica.take(
        moved("inbound", 500, "m1", order_id=None, reference="deposit:m1"),
        moved("inbound", 70, "m2", order_id=None, reference="hello"),
        moved("deduction", 30, "m3", order_id=None, receiver="merchant:m1"),
        moved("chargeback", 20, "m4", order_id=None),
    )
    assert await replica.balances() == {
        "channel:clearing/test-a": -580,
        "deposit/m1": 500,
        "suspense/test-a": 80,
    }
    await replica.take(moved("inbound", 70, "m2", order_id=None, reference="hello"))
    await replica.take(moved("inbound", 71, "m2", order_id=None, reference="hello"))
    assert replica.published.dead() == ["movement_differs"]
    assert (await replica.balances())["suspense/test-a"] == 80


async def test_a_deposit_pays_before_the_platform_has_to(replica: Replica) -> None:
    await sold(replica)
    await replica.take(moved("inbound", 500, "m8", order_id=None, reference="deposit:m1"))
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan, "failed", returns="failed", rest="cancelled"))
    _, again = replica.published.plans()
    assert {it.kind: it.amount_minor for it in again.fundings} == {"marketing": 100, "advance": 400}
    await replica.take(settled(again, revision=2))
    assert await replica.balances() == {"merchant:debt/m1": -400, "platform:advance": 400}
