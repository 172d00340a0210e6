"""Refund-approved and refund-settled on a real MongoDB: called off, planned and posted, each once, in any order."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.split.examples import PAID_AT, agreement, line, merchant, paid_order
from tests.split.goods import DAY, HOUR
from tests.split.moneys import approval, settled
from tests.split.replica import Replica
from tests.split.replica import settled as paid

from shared import clock

NEWS = merchant("m1", agreement(commission_bp=1_000))
SLOW = merchant("m1", agreement(commission_bp=1_000, trigger="shipped"))
ORDER = paid_order(line(1, 1_000), line(2, 500))


async def sold(replica: Replica, *lines: int, order_id: str = "1") -> None:
    """Split an order of one line for each amount and have its payout succeed."""
    order = paid_order(*(line(place, amount) for place, amount in enumerate(lines, 1)), order_id=order_id)
    await replica.take(NEWS, order)
    await replica.take(paid(replica.published.payouts()[-1]))


async def later(replica: Replica, by: timedelta) -> None:
    """Move the clocks of this service so far ahead of MongoDB's."""
    await clock.move(replica.database, by)
    await replica.clock.ask()


async def test_what_is_held_is_given_back_and_nobody_else_is_asked(replica: Replica) -> None:
    await replica.take(SLOW, ORDER)
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    assert (plan.returns, plan.fundings) == ((), ())
    assert [(it.channel_payment_id, it.amount_minor) for it in plan.refunds] == [("p-1500", 1_000)]
    await replica.take(settled(plan))
    assert await replica.balances() == {"channel:clearing/test-a": -500, "merchant:held/m1": 500}
    assert (await replica.refunds())["r1"]["state"] == "succeeded"


async def test_a_refund_waits_for_its_legs_and_is_planned_as_soon_as_they_are_final(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(approval(1_000))
    payout, cancel = replica.published.payouts()
    assert (cancel.kind, [it.leg_id for it in cancel.legs]) == ("cancel", ["test-a/o:1/merchant:m1/1"])
    assert replica.published.plans() == []
    await replica.take(paid(payout))
    (plan,) = replica.published.plans()
    assert [(it.receiver, it.amount_minor) for it in plan.returns] == [("merchant:m1", 900)]
    assert [(it.kind, it.amount_minor) for it in plan.fundings] == [("marketing", 100)]
    assert len([it for it in replica.published.payouts() if it.kind == "cancel"]) == 1


async def test_a_leg_that_was_called_off_in_time_gives_its_money_to_the_refund(replica: Replica) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(approval(1_000))
    payout, _ = replica.published.payouts()
    await replica.take(paid(payout, "cancelled"))
    (plan,) = replica.published.plans()
    assert plan.returns == ()
    again = replica.published.payouts()[-1]
    assert {(it.receiver, it.amount_minor, it.attempt) for it in again.legs if it.receiver == "merchant:m1"} == {
        ("merchant:m1", 450, 2)
    }
    assert (await replica.balances())["merchant:in_transit/m1"] == 450


async def test_a_refund_waits_a_day_for_a_leg_that_nobody_knows_of_however_late_it_was_heard_of(
    replica: Replica,
) -> None:
    await replica.take(NEWS, ORDER)
    await replica.take(approval(1_000, approved_at=PAID_AT - DAY))
    assert [it.kind for it in replica.published.payouts()] == ["pay", "cancel"]
    assert replica.published.plans() == []
    await later(replica, DAY - HOUR)
    await replica.parts.deadlines.once()
    assert replica.published.plans() == []
    await later(replica, DAY + HOUR)
    await replica.parts.deadlines.once()
    (plan,) = replica.published.plans()
    assert plan.returns == ()  # nobody can be asked for what is not there yet: it is owed
    assert (await replica.balances())["merchant:debt/m1"] == -900


async def test_a_refund_before_its_order_stops_it_and_is_planned_with_it(replica: Replica) -> None:
    await replica.take(approval(1_000))
    await replica.take(NEWS, ORDER)
    (payout,) = replica.published.payouts()
    assert sum(it.amount_minor for it in payout.legs) == 500
    (plan,) = replica.published.plans()
    assert (plan.returns, plan.fundings, plan.refunds[0].amount_minor) == ((), (), 1_000)


async def test_a_refund_waits_for_a_merchant_nobody_knows_and_is_planned_with_its_first_news(replica: Replica) -> None:
    await replica.take(ORDER)
    await replica.take(approval(1_000))
    assert (await replica.refunds())["r1"]["reason"] == "undecided:m1"
    await replica.take(NEWS)
    await replica.parts.releases.release("test-a/m1")
    (plan,) = replica.published.plans()
    assert (plan.returns, plan.fundings) == ((), ())
    (payout,) = replica.published.payouts()
    assert sum(it.amount_minor for it in payout.legs) == 500


async def test_what_is_more_than_was_paid_is_refused_with_the_reason(replica: Replica) -> None:
    await replica.take(SLOW, ORDER)
    await replica.take(approval(600, refund_id="a"), approval(500, refund_id="b"))
    plan, refusal = replica.published.plans()
    assert (plan.refused, refusal.refund_id, refusal.refused) == (None, "b", "refund_exceeds_paid")
    assert (refusal.returns, refusal.fundings, refusal.refunds) == ((), (), ())
    await replica.take(settled(refusal, "failed"))
    assert (await replica.refunds())["b"]["state"] == "refused"
    assert (await replica.balances())["buyer:refund_in_transit"] == 600


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"currency": "JPY"}, "currency_differs"),
        ({"lines": (msgspec.structs.replace(approval(5).lines[0], line_id="l9"),)}, "line_unknown"),
        ({"lines": (msgspec.structs.replace(approval(5).lines[0], amount_minor=0),)}, "amount_out_of_range"),
    ],
)
async def test_a_refund_that_cannot_be_is_answered_and_never_put_aside(
    replica: Replica, changes: dict[str, Any], reason: str
) -> None:
    await replica.take(SLOW, ORDER)
    await replica.take(approval(5, **changes))
    assert [it.refused for it in replica.published.plans()] == [reason]
    assert replica.published.dead() == []


async def test_partial_refunds_take_by_degrees_what_one_would(replica: Replica) -> None:
    await sold(replica, 1_000)
    for number in range(1, 4):
        await replica.take(approval(333, refund_id=str(number)))
    await replica.take(approval(1, refund_id="4"))
    plans = replica.published.plans()
    assert [sum(it.amount_minor for it in plan.returns) for plan in plans] == [300, 300, 300, 0]
    assert [sum(it.amount_minor for it in plan.fundings) for plan in plans] == [33, 33, 33, 1]
    for plan in plans:
        await replica.take(settled(plan))
    assert await replica.balances() == {}


async def test_payments_are_refunded_in_the_order_in_which_they_are_stated(replica: Replica) -> None:
    first, second = (
        msgspec.structs.replace(ORDER.payments[0], channel_payment_id=name, amount_minor=amount)
        for name, amount in (("z", 900), ("a", 600))
    )
    await replica.take(SLOW, msgspec.structs.replace(ORDER, payments=(first, second)))
    await replica.take(approval(800, refund_id="1"))
    await replica.take(approval(200, 300, refund_id="2"))
    plans = replica.published.plans()
    assert [[(it.channel_payment_id, it.amount_minor) for it in plan.refunds] for plan in plans] == [
        [("z", 800)],
        [("z", 100), ("a", 400)],
    ]


async def test_a_return_that_fails_becomes_debt_that_the_next_sale_pays_off(replica: Replica) -> None:
    await sold(replica, 1_000)
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan, "failed", returns="failed", rest="cancelled"))
    _, again = replica.published.plans()
    assert (again.revision, again.returns) == (2, ())
    assert {it.kind: it.amount_minor for it in again.fundings} == {"marketing": 100, "advance": 900}
    await replica.take(settled(again, revision=2))
    assert (await replica.refunds())["r1"]["state"] == "succeeded"
    balances = await replica.balances()
    assert (balances["merchant:debt/m1"], balances["platform:advance"]) == (-900, 900)
    await replica.take(paid_order(line(1, 2_000), order_id="2"))
    payout = replica.published.payouts()[-1]
    assert {it.receiver: it.amount_minor for it in payout.legs} == {
        "merchant:m1": 900,
        "platform:commission": 200,
        "platform:advance": 900,
    }
    await replica.take(paid(payout))
    assert await replica.balances() == {}
    guard = await replica.database.guards.find_one({"_id": "test-a/m1/BRL"}) or {}
    assert guard["debt_minor"] == 0


async def test_a_return_that_was_never_sent_is_asked_for_again_and_makes_no_debt(replica: Replica) -> None:
    order = paid_order(line(1, 1_000), line(2, 500, merchant="m2"))
    await replica.take(NEWS, merchant("m2", agreement(commission_bp=1_000)), order)
    await replica.take(paid(replica.published.payouts()[-1]))
    await replica.take(approval(1_000, 500))
    (plan,) = replica.published.plans()
    told = settled(plan, "failed", returns="failed", rest="cancelled")
    one, two = told.returns
    never_sent = msgspec.structs.replace(two, state="cancelled")
    await replica.take(msgspec.structs.replace(told, returns=(one, never_sent)))
    _, again = replica.published.plans()
    assert [it.return_id for it in again.returns] == [two.return_id]
    assert "merchant:debt/m2" not in await replica.balances()
    answer = settled(again, revision=2)
    await replica.take(msgspec.structs.replace(answer, returns=(one, *answer.returns)))
    assert await replica.balances() == {"merchant:debt/m1": -900, "platform:advance": 900}


async def test_revisions_in_any_order_and_twice_are_posted_once(replica: Replica) -> None:
    await sold(replica, 1_000)
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    under_way = settled(plan, "under_way", revision=1, rest="created")
    done = settled(plan, revision=3)
    starved = settled(plan, "waiting_funds", revision=2, rest="created")
    await replica.take(under_way, under_way)
    await replica.take(done)
    await replica.take(starved, under_way, done)
    assert (await replica.refunds())["r1"]["state"] == "succeeded"
    assert await replica.balances() == {}


async def test_waiting_for_funds_is_shown(replica: Replica) -> None:
    await sold(replica, 1_000)
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan, "waiting_funds", rest="created", reason="platform_has_not_paid"))
    refund = (await replica.refunds())["r1"]
    assert (refund["state"], refund["reason"]) == ("waiting_funds", "platform_has_not_paid")
    assert (await replica.balances())["buyer:refund_in_transit"] == 1_000


async def test_an_older_plans_end_says_nothing_of_the_plan_under_way(replica: Replica) -> None:
    await sold(replica, 1_000)
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan, "under_way", returns="failed", rest="created"))
    assert len(replica.published.plans()) == 2
    await replica.take(settled(plan, "failed", revision=2, returns="failed", rest="cancelled", reason="no_return"))
    assert (await replica.refunds())["r1"]["state"] == "requested"


async def test_what_the_buyers_bank_sends_back_waits_in_transit_again(replica: Replica) -> None:
    await replica.take(SLOW, ORDER)
    await replica.take(approval(1_000))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan))
    await replica.take(settled(plan, "failed", revision=2, rest="returned", reason="ACCOUNT_CLOSED"))
    refund = (await replica.refunds())["r1"]
    assert (refund["state"], refund["reason"]) == ("failed", "ACCOUNT_CLOSED")
    assert (await replica.balances())["buyer:refund_in_transit"] == 1_000


async def test_a_refund_of_nobodys_order_and_one_that_differs_are_put_aside(replica: Replica) -> None:
    await replica.take(SLOW, ORDER)
    await replica.take(approval(100))
    (plan,) = replica.published.plans()
    await replica.take(settled(plan, order_id="9"))
    await replica.take(settled(plan, refund_id="r9"))
    assert (await replica.refunds())["r1"]["state"] == "requested"


async def test_the_same_approval_twice_is_one_plan_and_another_under_its_id_is_refused(replica: Replica) -> None:
    await replica.take(SLOW, ORDER)
    await replica.take(*[approval(100)] * 3)
    await replica.take(approval(100))
    await replica.take(approval(200))
    assert replica.published.dead() == ["refund_differs"]
    assert len(replica.published.plans()) == 1
