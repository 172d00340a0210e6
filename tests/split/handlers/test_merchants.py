"""Merchant-changed on a real MongoDB, and how it meets the orders that wait for it."""

import asyncio

import msgspec
import pytest
from pymongo.errors import PyMongoError
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica

from shared import mongo

NEWS = merchant("m1", agreement())
ORDER = paid_order(line(1, 1_000))


async def test_the_greatest_version_is_kept(replica: Replica) -> None:
    third = merchant("m1", agreement(commission_bp=300), version=3)
    await replica.take(merchant("m1", version=1), third, merchant("m1", version=2))
    await replica.take(merchant("m1", version=2))
    await replica.take(ORDER)
    assert (await replica.shares())["platform:commission"] == ("in_transit", "", 30)
    assert replica.published.dead() == []


async def test_the_same_version_with_another_content_is_refused(replica: Replica) -> None:
    await replica.take(NEWS, NEWS, msgspec.structs.replace(NEWS, name="other"))
    await replica.take(NEWS)
    assert replica.published.dead() == ["merchant_differs"]


async def test_news_of_a_merchant_that_nobody_waits_for_wakes_nobody(replica: Replica) -> None:
    await replica.take(NEWS)
    releases = asyncio.create_task(replica.parts.releases.run())
    await asyncio.sleep(0)
    releases.cancel()
    await asyncio.gather(releases, return_exceptions=True)
    assert await replica.database.links.count_documents({}) == 0
    assert (await replica.database.waiting.find_one({"_id": "test-a/m1"}) or {})["released"] == 0


async def test_held_orders_are_released_soon_after_the_agreement_comes(replica: Replica) -> None:
    releases = asyncio.create_task(replica.parts.releases.run())
    await replica.take(ORDER)
    assert replica.published.payouts() == []
    await replica.take(NEWS)
    async with asyncio.timeout(10):
        while not replica.published.payouts():  # noqa: ASYNC110 - MongoDB has no event to wait on
            await asyncio.sleep(0.02)
    releases.cancel()
    await asyncio.gather(releases, return_exceptions=True)
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 880)


async def both_see_nothing_then_one_writes_first(replica: Replica, *, order_first: bool) -> None:
    """Open both transactions, let both read, then write; the second to write must fail, whoever it is."""
    async with replica.unit(ORDER, "a#0") as order, replica.unit(NEWS, "b#0") as news:
        await order.decide()
        await news.decide()
        first, second = (order, news) if order_first else (news, order)
        await first.write()
        with pytest.raises(PyMongoError) as conflict:
            await second.write()
        assert mongo.is_conflict(conflict.value)
        await second.work.session.abort_transaction()


async def test_an_order_that_is_held_first_makes_the_agreement_look_again(replica: Replica) -> None:
    await both_see_nothing_then_one_writes_first(replica, order_first=True)
    assert (await replica.shares())["merchant:m1"] == ("held", "merchant_unknown", 1_000)
    await replica.take(NEWS)
    assert await replica.parts.releases.release("test-a/m1") == 1
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 880)


async def test_an_agreement_that_comes_first_makes_the_order_look_again(replica: Replica) -> None:
    await both_see_nothing_then_one_writes_first(replica, order_first=False)
    assert await replica.order() == {}
    await replica.take(ORDER)
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 880)


@pytest.mark.parametrize("order_first", [True, False])
async def test_whoever_commits_second_after_reading_first_runs_again(replica: Replica, *, order_first: bool) -> None:
    """The other interleaving: one commits whole between the other's read and its write."""
    late, soon = (NEWS, ORDER) if order_first else (ORDER, NEWS)
    async with replica.unit(late, "a#0") as second:
        await second.decide()
        await replica.take(soon)
        with pytest.raises(PyMongoError) as conflict:
            await second.write()
        assert mongo.is_conflict(conflict.value)
        await second.work.session.abort_transaction()
    await replica.take(late)
    await replica.parts.releases.release("test-a/m1")
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 880)
    assert len(replica.published.payouts()) == 1


async def test_a_block_that_ends_meets_the_order_that_it_held(replica: Replica) -> None:
    blocked = merchant("m1", agreement(), blocked=("kyc",))
    free = merchant("m1", agreement(), version=2)
    await replica.take(blocked)
    async with replica.unit(ORDER, "a#0") as order, replica.unit(free, "b#0") as news:
        await order.decide()
        await news.decide()
        await order.write()
        with pytest.raises(PyMongoError) as conflict:
            await news.write()
        assert mongo.is_conflict(conflict.value)
        await news.work.session.abort_transaction()
    assert (await replica.shares())["merchant:m1"] == ("held", "blocked:kyc", 1_000)
    await replica.take(free)
    assert await replica.parts.releases.release("test-a/m1") == 1
