"""Merchants who may not simply be paid, on a real MongoDB: blocked receivers, caps, minimums, reserves."""

from datetime import timedelta
from typing import Any

import pytest
from pymongo.errors import PyMongoError
from tests.split.examples import agreement, extra, merchant, paid_order
from tests.split.moneys import moved
from tests.split.moneys import settled as refunded
from tests.split.outcomes import later, told
from tests.split.replica import Replica

from shared import mongo, outbox
from shared.messages import MerchantChanged, PayoutLimit, PayoutTerms, SplitRequested
from split.handlers import wakes

DAY = timedelta(days=1)
STRIPES = ("split.split-requested#0", "split.split-requested#1")


def limited(*, cap: int | None = None, minimum: int | None = None, version: int = 1) -> MerchantChanged:
    """Merchant m1, with 12 % commission, and these limits."""
    terms = PayoutTerms(
        daily_caps=() if cap is None else (PayoutLimit(currency="BRL", amount_minor=cap),),
        minimums=() if minimum is None else (PayoutLimit(currency="BRL", amount_minor=minimum),),
    )
    return merchant("m1", agreement(payouts=terms), version=version)


def order(number: int) -> SplitRequested:
    """Return an order of which m1 gets 8,800."""
    return paid_order(order_id=f"{number}")


def paid(replica: Replica) -> dict[str, int]:
    """Return what was requested for m1, by order, each time."""
    found: dict[str, int] = {}
    for payout in replica.published.payouts():
        for leg in payout.legs:
            if leg.receiver == "merchant:m1":
                found[payout.document] = found.get(payout.document, 0) + leg.amount_minor
    return found


async def guarded(replica: Replica) -> dict[str, Any]:
    """Return the guard of m1."""
    return await replica.database.guards.find_one({"_id": "test-a/m1/BRL"}) or {}


async def test_a_blocked_receiver_of_anothers_order_accumulates_and_is_paid_when_cleared(replica: Replica) -> None:
    shared = paid_order(receivers=(extra("r1", "merchant:m1", value=1_000), extra("nobody", "merchant:m1", value=500)))
    await replica.take(merchant("m1", agreement()), merchant("r1", agreement(), blocked=("kyc",)), shared)
    legs = {it.receiver: it.amount_minor for it in replica.published.payouts()[0].legs}
    assert legs == {"merchant:m1": 7_480, "merchant:nobody": 440, "platform:commission": 1_200}
    assert (await replica.shares())["receiver:r1"] == ("available", "blocked:kyc", 880)
    assert (await replica.balances())["merchant:available/r1"] == 880
    assert (await replica.order())["waiting_for"] == ["r1"]
    await replica.take(merchant("r1", agreement(), version=2))
    assert await replica.parts.releases.release("test-a/r1") == 1
    assert [(it.receiver, it.amount_minor) for it in replica.published.payouts()[1].legs] == [("merchant:r1", 880)]
    assert "waiting_for" not in await replica.order()
    assert [it["count"] async for it in replica.database.waiting.find({"_id": "test-a/r1"})] == [0]


async def test_beyond_its_cap_a_merchant_is_paid_on_the_next_business_day(replica: Replica) -> None:
    await replica.take(limited(cap=20_000), *(order(number) for number in range(5)))
    assert len(paid(replica)) == 2
    states = [(await replica.shares(f"test-a/{number}"))["merchant:m1"][:2] for number in range(5)]
    assert sorted(states) == [("available", "over_limit")] * 3 + [("in_transit", "")] * 2
    commission = sum(leg.receiver == "platform:commission" for it in replica.published.payouts() for leg in it.legs)
    assert commission == 5
    await later(replica, DAY)
    assert len(paid(replica)) == 4
    await later(replica, 2 * DAY)
    assert paid(replica) == {f"o:{number}": 8_800 for number in range(5)}
    await replica.take(*(told(it, "succeeded") for it in replica.published.payouts()))
    assert await replica.balances() == {}


@pytest.mark.parametrize("first", [0, 1])
async def test_two_orders_that_would_both_fit_the_cap_meet_in_the_guard(replica: Replica, first: int) -> None:
    await replica.take(limited(cap=10_000))
    async with replica.unit(order(1 - first), STRIPES[1 - first]) as late:
        async with replica.unit(order(first), STRIPES[first]) as early:
            await early.decide()
            await late.decide()
            await early.write()
        with pytest.raises(PyMongoError) as conflict:
            await late.write()
        assert mongo.is_conflict(conflict.value)
        await late.work.session.abort_transaction()
    await replica.database[outbox.COLLECTION].delete_many({})  # what the first would have published
    await replica.take(order(1 - first))
    assert (await replica.shares(f"test-a/{first}"))["merchant:m1"][0] == "in_transit"
    assert (await replica.shares(f"test-a/{1 - first}"))["merchant:m1"] == ("available", "over_limit", 8_800)


async def test_small_amounts_wait_until_they_come_to_the_minimum_and_then_all_go(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakes, "ORDERS_PER_UNIT_MAX", 2)
    await replica.take(limited(minimum=50_000), *(order(number) for number in range(5)))
    assert paid(replica) == {}
    assert (await guarded(replica))["accrued_minor"] == 44_000
    await replica.take(order(5))
    assert paid(replica) == {"o:5": 8_800}
    assert await replica.parts.waker.sweep() == 5
    assert paid(replica) == {f"o:{number}": 8_800 for number in range(6)}
    await replica.take(order(6))
    assert (await replica.shares("test-a/6"))["merchant:m1"] == ("available", "below_minimum", 8_800)
    assert await replica.database.orders.count_documents({"waiting_for": "minimum/m1"}) == 1
    assert await replica.parts.waker.sweep() == 0


async def test_a_minimum_that_is_gone_lets_go_what_has_added_up(replica: Replica) -> None:
    await replica.take(limited(minimum=50_000), order(1), order(2))
    await replica.take(limited(version=2))
    assert await replica.parts.waker.sweep() == 2
    assert paid(replica) == {"o:1": 8_800, "o:2": 8_800}


async def test_two_orders_that_reach_the_minimum_together_meet_in_the_guard(replica: Replica) -> None:
    await replica.take(limited(minimum=17_600))
    async with replica.unit(order(1), STRIPES[1]) as late:
        async with replica.unit(order(0), STRIPES[0]) as early:
            await early.decide()
            await late.decide()
            await early.write()
        with pytest.raises(PyMongoError) as conflict:
            await late.write()
        assert mongo.is_conflict(conflict.value)
        await late.work.session.abort_transaction()
    await replica.database[outbox.COLLECTION].delete_many({})  # what the first would have published
    await replica.take(order(1))
    assert await replica.parts.waker.sweep() == 1
    assert paid(replica) == {"o:0": 8_800, "o:1": 8_800}


async def test_a_reserve_is_paid_when_its_days_are_over(replica: Replica) -> None:
    terms = PayoutTerms(reserve_bp=1_000, reserve_days=3)
    await replica.take(merchant("m1", agreement(payouts=terms)), order(1))
    (payout,) = replica.published.payouts()
    await replica.take(told(payout, "succeeded"))
    assert await replica.balances() == {"channel:clearing/test-a": -880, "merchant:reserve/m1": 880}
    assert (await guarded(replica))["reserve_minor"] == 880
    await later(replica, 2 * DAY)
    assert len(replica.published.payouts()) == 1
    await later(replica, 3 * DAY)
    reserve = replica.published.payouts()[-1]
    assert [(it.leg_id, it.amount_minor) for it in reserve.legs] == [("test-a/o:1/reserve:m1/1", 880)]
    await replica.take(told(reserve, "succeeded"))
    assert await replica.balances() == {}
    assert (await guarded(replica))["reserve_minor"] == 0


async def test_an_agreement_without_such_terms_writes_no_guard(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), *(order(number) for number in range(3)))
    await replica.take(*(told(it, "succeeded") for it in replica.published.payouts()))
    assert await replica.database.guards.count_documents({}) == 0
    assert await replica.database.wakes.count_documents({}) == 0


async def test_what_a_reversed_chargeback_gives_back_rests_while_its_merchant_is_blocked(replica: Replica) -> None:
    """All of the order was paid: nothing of it stood still until the money came back."""
    await replica.take(merchant("m1", agreement()), order(1))
    await replica.take(told(replica.published.payouts()[-1], "succeeded"))
    await replica.take(moved("chargeback", 10_000))
    await replica.take(refunded(replica.published.plans()[-1]))
    await replica.take(merchant("m1", agreement(), version=2, blocked=("fraud",)))
    await replica.take(moved("chargeback_reversed", 10_000, "m2", reverses="m1"))
    assert (await replica.shares())["reversal:merchant:m1"] == ("available", "blocked:fraud", 8_800)
    assert paid(replica) == {"o:1": 8_800}
    await replica.take(merchant("m1", agreement(), version=3))
    await replica.parts.releases.release("test-a/m1")
    assert paid(replica) == {"o:1": 17_600}
