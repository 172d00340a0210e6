"""Deadlines on a real MongoDB: each order is looked at when its time has come, once, whoever looks."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from tests.split.examples import agreement, extra, line, merchant, paid_order
from tests.split.goods import DAY, HOUR, case, progress
from tests.split.replica import MARKETPLACES, Replica

from shared import clock, work
from shared.commits import ConflictError, OutageError
from shared.messages import OrderProgressed, SplitRequested
from shared.mongo import Database, PyMongoError
from shared.work import Work
from split.handlers import clock as deadlines
from split.handlers.reviews import Reviews

NEWS = merchant("m1", agreement(trigger="completed", trigger_days=7))
NOW = datetime.now(UTC)


def sold(number: int = 1) -> SplitRequested:
    return paid_order(line(1, 1_000), line(2, 500), order_id=str(number))


def completed(number: int = 1, *lines: str, at: datetime = NOW - HOUR) -> OrderProgressed:
    return progress("completed", *lines, number="+".join(("c", *lines)), order_id=str(number), occurred_at=at)


async def pass_by(replica: Replica, *days: float) -> None:
    """Move the clocks of this service so many days ahead of MongoDB's."""
    await clock.move(replica.database, sum(days) * DAY)
    await replica.clock.ask()


async def look(replica: Replica) -> int:
    return await replica.parts.deadlines.once()


async def test_what_was_completed_is_paid_when_seven_days_are_over(replica: Replica) -> None:
    await replica.take(NEWS, sold(), completed())
    due = (await replica.order())["look_at"]
    assert NOW + 6 * DAY - HOUR < due <= NOW + 7 * DAY
    assert due.astimezone(replica.marketplaces.find("test-a").zone).time() == datetime.min.time()  # type: ignore[union-attr] # it is there
    await pass_by(replica, 5)
    assert await look(replica) == 0
    await pass_by(replica, 7.1)
    assert await look(replica) == 1
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)
    assert "look_at" not in await replica.order()
    assert await look(replica) == 0


async def test_two_lines_are_due_on_days_of_their_own(replica: Replica) -> None:
    await replica.take(NEWS, sold(), completed(1, "l1", at=NOW - 2 * DAY), completed(1, "l2", at=NOW))
    await pass_by(replica, 5.5)
    assert await look(replica) == 1
    assert [leg.amount_minor for payout in replica.published.payouts() for leg in payout.legs] == [880, 120]
    await pass_by(replica, 7.5)
    assert await look(replica) == 1
    assert [leg.amount_minor for payout in replica.published.payouts() for leg in payout.legs][2:] == [440, 60]


async def test_a_holiday_that_is_announced_late_moves_what_is_not_paid_yet(database: Database, tmp_path: Path) -> None:
    before, after = Replica(database), Replica(database, with_holidays(tmp_path, 10))
    await before.take(merchant("m1", agreement(trigger="completed", trigger_days=1, trigger_working_days=True)))
    await before.take(sold(), completed(at=NOW))
    assert (await before.order())["look_at"] < NOW + 5 * DAY
    await pass_by(after, 5)
    assert await look(after) == 1
    assert (await after.shares())["merchant:m1"] == ("held", "awaiting_completed", 1_500)
    assert NOW + 9 * DAY < (await after.order())["look_at"] <= NOW + 13 * DAY
    await pass_by(after, 13)
    assert await look(after) == 1
    assert (await after.shares())["merchant:m1"] == ("in_transit", "", 1_320)


def with_holidays(folder: Path, days: int) -> Path:
    """Write a marketplaces file in which nobody works from tomorrow on for so many days."""
    lines = MARKETPLACES.read_text(encoding="utf-8").splitlines()
    place = next(number for number, text in enumerate(lines) if "id: test-*" in text) + 1
    off = ", ".join(str((NOW + day * DAY).date()) for day in range(1, days + 1))
    path = folder / "marketplaces.yaml"
    path.write_text("\n".join([*lines[:place], f"    holidays: [{off}]", *lines[place:]]), encoding="utf-8")
    return path


async def test_a_freeze_that_expires_lets_go_what_is_due(replica: Replica) -> None:
    await replica.take(case(until=NOW + 3 * DAY))
    await replica.take(merchant("m1", agreement()), sold())
    assert (await replica.shares())["merchant:m1"] == ("held", "frozen:case:c", 1_500)
    await pass_by(replica, 2)
    assert await look(replica) == 0
    await pass_by(replica, 4)
    assert await look(replica) == 1
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)


async def test_a_freeze_that_expires_before_the_trigger_fired_says_what_is_waited_for(replica: Replica) -> None:
    await replica.take(NEWS, case(until=NOW + 3 * DAY), sold())
    await pass_by(replica, 4)
    assert await look(replica) == 1
    assert (await replica.shares())["merchant:m1"] == ("held", "awaiting_completed", 1_500)
    assert "look_at" not in await replica.order()


async def test_a_case_opened_after_the_deadline_was_set_keeps_the_money(replica: Replica) -> None:
    await replica.take(NEWS, sold(), completed(), case())
    assert "look_at" not in await replica.order()
    await pass_by(replica, 8)
    assert await look(replica) == 0
    await replica.take(case(2, state="closed"))
    assert (await replica.shares())["merchant:m1"] == ("in_transit", "", 1_320)


async def many(replica: Replica, count: int) -> None:
    await replica.take(NEWS, *[sold(number) for number in range(count)])
    await replica.take(*[completed(number) for number in range(count)])
    await pass_by(replica, 8)


async def test_several_replicas_that_look_at_once_pay_each_order_once(replica: Replica) -> None:
    await many(replica, 60)
    replicas = [Replica(replica.database) for _ in range(4)]
    for it in replicas:
        await it.clock.ask()
    changed = await asyncio.gather(*(look(it) for it in replicas))
    payouts = [payout for it in replicas for payout in it.published.payouts()]
    assert sum(changed) == len(payouts) == 60
    assert len({payout.legs[0].leg_id for payout in payouts}) == 60
    assert await replica.balances() == {
        "channel:clearing/test-a": -90_000,
        "merchant:in_transit/m1": 79_200,
        "platform:commission": 10_800,
    }


async def test_of_several_replicas_one_looks_and_another_goes_on_when_it_is_gone(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(deadlines, "LEASE_S", 0.4)
    replicas = [Replica(replica.database) for _ in range(2)]
    looks = [0, 0]
    for number, it in enumerate(replicas):
        once = it.parts.deadlines.once

        async def counted(number: int = number, once: Any = once) -> int:  # noqa: ANN401 - a bound method
            looks[number] += 1
            return int(await once())

        monkeypatch.setattr(it.parts.deadlines, "once", counted)
    tasks = [asyncio.create_task(it.parts.deadlines.run()) for it in replicas]
    await asyncio.sleep(0.6)
    assert min(looks) == 0
    first = looks.index(max(looks))
    tasks[first].cancel()
    async with asyncio.timeout(10):
        while not looks[1 - first]:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.02)
    tasks[1 - first].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_more_than_a_page_and_more_than_a_transaction_holds_is_looked_at(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "ORDERS_PER_UNIT_MAX", 30)
    await many(replica, 50)
    monkeypatch.setattr(work, "DOCUMENTS_MAX", 20)
    assert await look(replica) == 50
    assert len(replica.published.payouts()) == 50
    assert await replica.database.links.count_documents({"stripe": "clock#0"}) > 3


async def test_what_is_looked_at_in_one_transaction_is_far_below_its_limits(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 orders of 50 receivers each: what a full page writes, measured where it is refused."""
    sizes: list[int] = []
    checked = Work._check_size  # noqa: SLF001 - where the limit is

    def check(it: Work) -> None:
        checked(it)
        sizes.append(sum(len(some) for some in it._inserts.values()) + sum(len(some) for some in it._changes.values()))  # noqa: SLF001 - what it counts

    receivers = tuple(extra(f"r{number}", "merchant:m1", "percent", 100) for number in range(48))
    orders = [
        msgspec.structs.replace(paid_order(line(1, 99_999), receivers=receivers), order_id=str(n)) for n in range(200)
    ]
    await replica.take(NEWS, *orders)
    await replica.take(*[completed(number) for number in range(200)])
    await pass_by(replica, 8)
    monkeypatch.setattr(Work, "_check_size", check)
    assert await look(replica) == 200
    assert max(sizes) < work.DOCUMENTS_MAX / 4


async def test_an_order_that_fails_stops_no_other_and_is_tried_again_after_a_minute(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many(replica, 9)
    judged = Reviews.review
    tries: list[str] = []

    async def review(self: Reviews, occasions: Any, unit: Work, now: datetime | None = None) -> int:  # noqa: ANN401 - a list of occasions
        keys = [it.order.key for it in occasions]
        if "test-a/4" in keys:
            tries.append(",".join(keys))
            raise ZeroDivisionError
        return await judged(self, occasions, unit, now)

    monkeypatch.setattr(Reviews, "review", review)
    with structlog.testing.capture_logs() as logs:
        assert await look(replica) == 8
        assert await look(replica) == 0
    assert tries.count("test-a/4") == 1
    assert [it["order"] for it in logs if it["event"] == "deadline failed"] == ["test-a/4"]
    assert (await replica.shares("test-a/4"))["merchant:m1"][0] == "held"
    monkeypatch.setattr(Reviews, "review", judged)
    assert await look(replica) == 0
    await pass_by(replica, 8.01)
    assert await look(replica) == 1


async def test_an_order_in_conflict_for_ever_stops_no_other(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    await many(replica, 3)
    judged = Reviews.review

    async def review(self: Reviews, occasions: Any, unit: Work, now: datetime | None = None) -> int:  # noqa: ANN401 - a list of occasions
        if any(it.order.key == "test-a/1" for it in occasions):
            message = "a document is not as it was read"
            raise ConflictError(message, may_last=True)
        return await judged(self, occasions, unit, now)

    monkeypatch.setattr(Reviews, "review", review)
    monkeypatch.setattr("shared.commits.BACKOFF_S", 0.0)
    assert await look(replica) == 2


async def test_what_is_looked_at_is_due_no_more_even_where_nothing_is_left_to_release(replica: Replica) -> None:
    """A date that was left behind would be looked at for ever."""
    await replica.take(merchant("m1", agreement()), sold())
    await replica.database.orders.update_one({"_id": "test-a/1"}, {"$set": {"look_at": NOW - DAY}})
    async with asyncio.timeout(10):
        await look(replica)
    assert "look_at" not in await replica.order()
    assert len(replica.published.payouts()) == 1


async def test_an_outage_is_waited_for(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "LOOK_EVERY_S", 0.01)
    tries: list[Exception] = [OutageError(), PyMongoError("away"), ZeroDivisionError()]
    done = asyncio.Event()

    async def once() -> int:
        if tries:
            raise tries.pop()
        done.set()
        return 0

    monkeypatch.setattr(replica.parts.deadlines, "once", once)
    running = asyncio.create_task(replica.parts.deadlines.run())
    async with asyncio.timeout(10):
        await done.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_oldest_deadline_that_nobody_has_looked_at_is_measured(replica: Replica) -> None:
    await many(replica, 1)
    await replica.sample_metrics()
    assert replica.sample("weir_deadlines_overdue_seconds") > timedelta(hours=1).total_seconds()
    await look(replica)
    await replica.sample_metrics()
    assert replica.sample("weir_deadlines_overdue_seconds") == 0


async def test_due_orders_are_found_by_their_index(replica: Replica) -> None:
    query = {"look_at": {"$lte": NOW}, "_id": {"$nin": ["test-a/1"]}}
    plan = await replica.database.orders.find(query, {"_id": 1}).sort("look_at", 1).limit(200).explain()
    assert "look_at_1" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])
