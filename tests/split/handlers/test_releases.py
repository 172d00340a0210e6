"""Releasing what waits for a merchant, and the sweep that proves nothing is missed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.split.examples import PAID_AT, agreement, line, merchant, paid_order
from tests.split.replica import Replica

from shared import work
from split.handlers import releases

NEWS = merchant("m1", agreement())
DAY = timedelta(days=1)


async def age_the_news(replica: Replica) -> None:
    """Make all news old enough for the sweep to take its release for interrupted."""
    await replica.database.waiting.update_many({}, {"$set": {"announced_at": datetime(2026, 1, 1, tzinfo=UTC)}})


async def test_many_orders_are_released_in_batches_each_exactly_once(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "ORDERS_PER_UNIT_MAX", 7)
    await replica.take(*[paid_order(line(1, 1_000), order_id=f"{number}") for number in range(20)])
    await replica.take(NEWS)
    assert await replica.parts.releases.release("test-a/m1") == 20
    assert len(replica.published.payouts()) == 20
    assert len({payout.payout_id for payout in replica.published.payouts()}) == 20
    assert await replica.database.links.count_documents({"stripe": "clock#0"}) == 3
    assert await replica.parts.releases.release("test-a/m1") == 0
    assert await replica.balances() == {
        "channel:clearing/test-a": -20_000,
        "merchant:in_transit/m1": 17_600,
        "platform:commission": 2_400,
    }
    waiting = await replica.database.waiting.find_one({"_id": "test-a/m1"}) or {}
    assert (waiting["count"], waiting["released"]) == (0, 1)


async def test_two_releases_at_once_release_nothing_twice(replica: Replica) -> None:
    await replica.take(*[paid_order(line(1, 1_000), order_id=f"{number}") for number in range(30)])
    await replica.take(NEWS)
    one, other = Replica(replica.database), Replica(replica.database)
    released = await asyncio.gather(one.parts.releases.release("test-a/m1"), other.parts.releases.release("test-a/m1"))
    assert sum(released) == 30
    assert len(one.published.payouts()) + len(other.published.payouts()) == 30


async def test_only_orders_paid_while_the_agreement_is_in_force_are_released(replica: Replica) -> None:
    await replica.take(paid_order())
    await replica.take(merchant("m1", agreement(effective_from=PAID_AT + DAY)))
    await replica.parts.releases.release("test-a/m1")
    assert (await replica.shares())["merchant:m1"] == ("held", "agreement_missing", 10_000)
    gap = agreement(version=2, effective_from=PAID_AT, effective_to=PAID_AT + DAY)
    await replica.take(merchant("m1", gap, version=2))
    assert await replica.parts.releases.release("test-a/m1") == 1


async def test_an_order_paid_within_the_millisecond_of_an_agreement_is_found(replica: Replica) -> None:
    await replica.take(paid_order())
    moment = PAID_AT - timedelta(microseconds=1)
    await replica.take(merchant("m1", agreement(effective_from=moment, effective_to=PAID_AT)))
    await replica.parts.releases.release("test-a/m1")
    assert replica.published.payouts() == []
    later = agreement(version=2, effective_from=moment, effective_to=PAID_AT + timedelta(microseconds=1))
    await replica.take(merchant("m1", later, version=2))
    assert await replica.parts.releases.release("test-a/m1") == 1
    assert len(replica.published.payouts()) == 1


async def test_a_blocked_merchants_orders_say_so_and_wait_on(replica: Replica) -> None:
    await replica.take(paid_order())
    await replica.take(merchant("m1", agreement(), blocked=("kyc",)))
    assert await replica.parts.releases.release("test-a/m1") == 1
    assert (await replica.shares())["merchant:m1"] == ("held", "blocked:kyc", 10_000)
    assert replica.published.payouts() == []
    await replica.take(merchant("m1", agreement(), version=2))
    assert await replica.parts.releases.release("test-a/m1") == 1
    assert len(replica.published.payouts()) == 1


async def test_a_block_that_outlasts_the_agreement_still_ends(replica: Replica) -> None:
    """An agreement is published until it has been over for 400 days; what it decided stays decided."""
    await replica.take(merchant("m1", agreement(), blocked=("kyc",)), paid_order())
    await replica.parts.releases.release("test-a/m1")
    later = agreement(version=2, effective_from=PAID_AT + 500 * DAY)
    await replica.take(merchant("m1", later, version=2))
    assert await replica.parts.releases.release("test-a/m1") == 1
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 8_800)
    assert "was_blocked" not in (await replica.database.waiting.find_one({"_id": "test-a/m1"}) or {})


async def test_an_order_waits_for_its_second_merchant_when_the_first_is_released(replica: Replica) -> None:
    await replica.take(paid_order(line(1, 1_000), line(2, 500, merchant="m2")))
    await replica.take(NEWS)
    await replica.parts.releases.release("test-a/m1")
    assert (await replica.order())["waiting_for"] == ["m2"]
    await replica.take(merchant("m2", agreement()))
    await replica.parts.releases.release("test-a/m2")
    assert "waiting_for" not in await replica.order()
    assert [it["count"] async for it in replica.database.waiting.find()] == [0, 0]


async def test_a_page_too_large_for_a_transaction_is_cut(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    await replica.take(*[paid_order(line(1, 1_000), order_id=f"{number}") for number in range(120)])
    await replica.take(NEWS)
    monkeypatch.setattr(work, "DOCUMENTS_MAX", 80)
    assert await replica.parts.releases.release("test-a/m1") == 120
    assert await replica.database.links.count_documents({"stripe": "clock#0"}) > 1


async def test_the_sweep_finishes_what_a_crash_interrupted_and_calls_it_no_miss(replica: Replica) -> None:
    await replica.take(paid_order())
    await replica.take(NEWS)
    assert await replica.parts.releases.sweep() == 0
    assert replica.published.payouts() == []
    await age_the_news(replica)
    assert await replica.parts.releases.sweep() == 0
    assert len(replica.published.payouts()) == 1


async def test_the_sweep_counts_what_the_releaser_had_missed(replica: Replica) -> None:
    await replica.take(paid_order())
    await replica.take(NEWS)
    await replica.database.waiting.update_one({"_id": "test-a/m1"}, {"$set": {"released": 1}})
    assert await replica.parts.releases.sweep() == 1
    assert await replica.parts.releases.sweep() == 0
    assert len(replica.published.payouts()) == 1


async def test_the_sweep_leaves_alone_what_has_to_wait(replica: Replica) -> None:
    await replica.take(paid_order(line(1, 10), line(2, 10, merchant="m2")))
    await replica.take(merchant("m1", agreement(), blocked=("kyc",)))
    await replica.parts.releases.release("test-a/m1")
    assert await replica.parts.releases.sweep() == 0
    assert {reason for _, reason, _ in (await replica.shares()).values()} == {"blocked:kyc", "merchant_unknown"}
