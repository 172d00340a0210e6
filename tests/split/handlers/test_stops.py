"""Pausing and resuming on a real MongoDB: what a stop holds is released when it ends, whoever commits first."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import PyMongoError
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica

from shared import mongo
from shared.clock import move
from shared.messages import OrderProgressed, SplitRequested
from split.domain.refusals import Refused
from split.domain.stops import Change, Target
from split.handlers import wakes
from split.handlers.stops import Wish
from split.store.merchants import Merchants

WHOLE = Target(marketplace="test-a", scope="marketplace")
MERCHANT = Target(marketplace="test-a", scope="merchant", subject="m1")
STRIPE = "split.split-requested#0"


def order(number: int) -> SplitRequested:
    return paid_order(order_id=f"{number}")


async def say(replica: Replica, target: Target, key: str, *, paused: bool, reason: str = "why") -> Change | Refused:
    return await replica.parts.behind.stop.change(
        Wish(target=target, paused=paused, actor="Ann", reason=reason, key=key)
    )


async def pause(replica: Replica, target: Target = WHOLE, key: str = "p1") -> None:
    assert isinstance(await say(replica, target, key, paused=True), Change)


async def resume(replica: Replica, target: Target = WHOLE, key: str = "r1") -> None:
    assert isinstance(await say(replica, target, key, paused=False), Change)


async def wake(replica: Replica) -> int:
    """Do what is left to do of all wakes; the releaser does it at once, and the sweep what it could not."""
    return await replica.parts.waker.sweep()


@pytest.fixture
async def selling(replica: Replica) -> Replica:
    await replica.take(merchant("m1", agreement()), merchant("m2", agreement()))
    return replica


async def test_a_pause_holds_every_later_order_and_its_end_releases_them_all(
    selling: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakes, "ORDERS_PER_UNIT_MAX", 3)
    await pause(selling)
    await selling.take(*(order(number) for number in range(10)))
    assert selling.published.payouts() == []
    assert await selling.shares("test-a/4") == {"merchant:m1": ("held", "paused:marketplace", 10_000)}
    assert await Merchants(selling.database).stopped([WHOLE.key]) == {WHOLE.key: 10}
    await resume(selling)
    assert await wake(selling) == 10
    assert sorted(it.document for it in selling.published.payouts()) == [f"o:{number}" for number in range(10)]
    assert await selling.database.orders.count_documents({"waiting_for": {"$exists": True}}) == 0
    assert await selling.database.wakes.count_documents({}) == 0
    assert await Merchants(selling.database).stopped([WHOLE.key]) == {WHOLE.key: 0}


async def test_a_paused_merchant_is_held_and_the_others_are_paid(selling: Replica) -> None:
    await pause(selling, MERCHANT)
    await selling.take(paid_order(line(1, 1_000), line(2, 500, merchant="m2")))
    assert {it.receiver for it in selling.published.payouts()[0].legs} == {"merchant:m2", "platform:commission"}
    await resume(selling, MERCHANT)
    assert await wake(selling) == 1
    assert {it.receiver for it in selling.published.payouts()[1].legs} == {"merchant:m1", "platform:commission"}


async def test_an_order_held_by_two_stops_goes_when_both_have_ended(selling: Replica) -> None:
    await pause(selling)
    await pause(selling, MERCHANT, "p2")
    await selling.take(paid_order())
    await resume(selling)
    assert await wake(selling) == 1
    assert (await selling.order())["waiting_for"] == ["stop/merchant/m1"]
    assert selling.published.payouts() == []
    await resume(selling, MERCHANT, "r2")
    assert await wake(selling) == 1
    assert len(selling.published.payouts()) == 1


async def test_a_pause_that_comes_back_before_the_release_loses_nothing(selling: Replica) -> None:
    await pause(selling)
    await selling.take(*(order(number) for number in range(6)))
    await resume(selling)
    await pause(selling, key="p2")
    assert await wake(selling) == 0
    assert selling.published.payouts() == []
    await resume(selling, key="r2")
    assert await wake(selling) == 6


async def test_a_stop_that_ends_again_during_a_release_begins_it_anew(
    selling: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came to wait behind the place that a release has reached is not left."""
    monkeypatch.setattr(wakes, "ORDERS_PER_UNIT_MAX", 1)
    await pause(selling)
    await selling.take(order(1), order(3))
    await resume(selling)
    run = await selling.parts.waker._page(WHOLE.key, wakes.Run(), 1)  # noqa: SLF001 - to stand in the middle of it
    await pause(selling, key="p2")
    await selling.take(order(0), order(2))
    await resume(selling, key="r2")
    while not run.done:
        run = await selling.parts.waker._page(WHOLE.key, run, 1)  # noqa: SLF001 - the rest of it
    assert sorted(it.document for it in selling.published.payouts()) == ["o:0", "o:1", "o:2", "o:3"]
    assert await selling.database.wakes.count_documents({}) == 0


@pytest.mark.parametrize(
    "committed", [True, False], ids=["resumed before the split writes", "resumed while it is open"]
)
async def test_a_split_that_saw_the_stop_and_its_end_meet(selling: Replica, *, committed: bool) -> None:
    """The split holds an order by a stop that ends meanwhile: one of both runs again, and the order is not left."""
    await pause(selling)
    async with selling.unit(paid_order(), STRIPE) as unit:
        await unit.decide()
        if committed:
            await resume(selling)
            assert await wake(selling) == 0
            with pytest.raises(PyMongoError) as conflict:
                await unit.write()
            assert mongo.is_conflict(conflict.value)
            await unit.work.session.abort_transaction()
        else:
            await unit.write()
            resuming = asyncio.create_task(resume(selling))
            await asyncio.sleep(0.1)
            assert not resuming.done()
    if committed:
        await selling.take(paid_order())
    else:
        await resuming
        assert await wake(selling) == 1
    assert len(selling.published.payouts()) == 1
    assert "waiting_for" not in await selling.order()


@pytest.mark.parametrize("first", ["split", "pause"])
async def test_a_split_under_way_and_a_pause_are_each_whole(selling: Replica, first: str) -> None:
    """An order whose split had begun may be paid; none that is split after the pause is."""
    async with selling.unit(paid_order(), STRIPE) as unit:
        if first == "pause":
            await pause(selling)
        await unit.decide()
        if first == "split":
            await pause(selling)
        await unit.write()
    paid = first == "split"
    assert [it["state"] for it in (await selling.order())["shares"]] == (["in_transit"] * 2 if paid else ["held"])
    await selling.take(paid_order(order_id="2"))
    assert await selling.shares("test-a/2") == {"merchant:m1": ("held", "paused:marketplace", 10_000)}


async def test_what_a_crash_left_of_a_release_the_sweep_finishes(selling: Replica) -> None:
    await pause(selling)
    await selling.take(paid_order())
    await resume(selling)  # nobody runs the waker's own task here: this is the crash
    other = Replica(selling.database)
    assert await wake(other) == 1
    assert len(other.published.payouts()) == 1
    assert await wake(other) == 0


async def test_the_releaser_is_told_at_once(selling: Replica) -> None:
    await pause(selling)
    await selling.take(paid_order())
    running = asyncio.create_task(selling.parts.waker.run())
    try:
        await resume(selling)
        async with asyncio.timeout(10):
            while not selling.published.payouts():  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_repeat_is_the_same_change_and_a_key_is_good_for_one(selling: Replica) -> None:
    first = await say(selling, WHOLE, "k", paused=True)
    assert await say(selling, WHOLE, "k", paused=True) == first
    for again in (
        await say(selling, WHOLE, "k", paused=False),
        await say(selling, MERCHANT, "k", paused=True),
        await say(selling, WHOLE, "k", paused=True, reason="another"),
    ):
        assert isinstance(again, Refused)
        assert again.reason == "idempotency_key_reused"
    refused = [await say(selling, WHOLE, "k2", paused=True), await say(selling, MERCHANT, "k3", paused=False)]
    assert [it.reason for it in refused if isinstance(it, Refused)] == ["already_paused", "not_paused"]


async def test_a_deadline_that_comes_while_payouts_are_paused_is_obeyed_when_they_go_on(replica: Replica) -> None:
    shipped = OrderProgressed(
        marketplace="test-a", order_id="1", kind="shipped", progress_id="s", occurred_at=datetime.now(UTC)
    )
    await replica.take(merchant("m1", agreement(trigger="shipped", trigger_days=1)), paid_order(), shipped)
    assert await replica.shares() == {"merchant:m1": ("held", "awaiting_shipped", 10_000)}
    await pause(replica)
    await move(replica.database, timedelta(days=2))
    await replica.clock.ask()
    assert await replica.parts.deadlines.once() == 1
    assert await replica.shares() == {"merchant:m1": ("held", "paused:marketplace", 10_000)}
    await resume(replica)
    assert await wake(replica) == 1
    assert len(replica.published.payouts()) == 1
