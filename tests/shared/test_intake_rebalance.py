"""Replicas join and leave under load: nothing is lost, nothing is done twice, and no batch overlaps another's."""

import asyncio
import contextlib

import pytest
from tests.shared.probe import Probe, acknowledged, count_of, stored, until

from shared import intake, subscriptions
from shared.commits import OutageError
from shared.messages import OrderPaid
from shared.record import Batch
from shared.service import Service
from shared.work import Work

pytestmark = pytest.mark.infra

ORDERS = 2_400


def partitions_of(service: Service) -> int:
    consumer = service.intake.all[0].backlog.consumer()
    return len(consumer.assignment()) if consumer is not None else 0


async def owns(service: Service, *counts: int) -> None:
    async def so() -> bool:
        return service.intake.all[0].ready and partitions_of(service) in counts

    await until(so)


async def test_replicas_that_join_and_leave_under_load_lose_and_repeat_nothing(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the drain on revoke: the old owner's batch runs on while the new owner handles it too."""
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 40)

    async def work_a_little(_: Batch[OrderPaid], __: Work) -> None:
        await asyncio.sleep(0.02)

    it.before.append(work_a_little)
    orders = [it.order(number) for number in range(ORDERS)]

    async def upstream() -> None:
        for at in range(0, ORDERS, 100):
            await it.send(*orders[at : at + 100])
            await asyncio.sleep(0.1)

    sending = asyncio.create_task(upstream())
    async with contextlib.AsyncExitStack() as first:
        await first.enter_async_context(it.running())
        async with it.running() as second:
            await owns(second, 2)
            async with it.running() as third:
                await owns(third, 1, 2)
            await first.aclose()  # the oldest leaves, with its partitions and the group's lead
            await owns(second, 4)
            async with it.running() as fourth:
                await owns(fourth, 2)
                await sending
                await stored(fourth, ORDERS)
            await acknowledged(it)
            assert await count_of(second.database, "outbox") == 0
    handled = [order for batch in it.batches for order in batch]
    assert len(handled) == len(set(handled)) == ORDERS
    answers = await it.published(it.given.topic, ORDERS)
    assert len({answer.key for answer in answers}) == len(answers) == ORDERS


async def test_a_slow_batch_is_finished_before_another_replica_gets_its_records(it: Probe) -> None:
    """Fails without the drain: the second replica would be handed the first one's batch while that still runs."""
    began, running, overlaps = asyncio.Event(), 0, 0

    async def slow_at_first(_: Batch[OrderPaid], __: Work) -> None:
        nonlocal running, overlaps
        running += 1
        overlaps += running > 1
        if not began.is_set():
            began.set()
            await asyncio.sleep(5)
        running -= 1

    it.before.append(slow_at_first)
    await it.send(*(it.order(number) for number in range(40)))
    async with it.running() as first:
        await began.wait()
        async with it.running() as second:
            await owns(second, 2)
            await owns(first, 2)
            await it.send(*(it.order(number) for number in range(40, 60)))
            await stored(first, 60)
    assert overlaps == 0
    handled = [order for batch in it.batches for order in batch]
    assert len(handled) == len(set(handled)) == 60


async def test_a_batch_that_outlasts_the_drain_repeats_nothing_that_shows(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last defence: two replicas do have the same records in hand, and one of them finds them stored."""
    monkeypatch.setattr(intake, "DRAIN_S_MAX", 0.2)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def stuck_at_first(_: Batch[OrderPaid], __: Work) -> None:
        if not began.is_set():
            began.set()
            await go_on.wait()

    it.before.append(stuck_at_first)
    await it.send(*(it.order(number) for number in range(40)))
    async with it.running() as first:
        await began.wait()
        async with it.running() as second:
            await owns(second, 2)
            await it.send(*(it.order(number) for number in range(40, 60)))

            async def others_stored() -> bool:
                return await count_of(second.database, "orders") >= 20

            await until(others_stored)
            go_on.set()
            await acknowledged(it)
            assert await count_of(first.database, "orders") == 60
    answers = await it.published(it.given.topic, 60)
    assert len({answer.key for answer in answers}) == 60


async def test_an_outage_is_abandoned_when_the_partitions_go_elsewhere(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that cannot reach its store must not hold the group up until its retries end."""
    monkeypatch.setattr(intake, "BACKOFF_MAX_S", 0.5)
    waiting, first_only = asyncio.Event(), True

    async def away_for_the_first(batch: Batch[OrderPaid], _: Work) -> None:
        if first_only:
            waiting.set()
            message = "away"
            raise OutageError(message)
        assert len(batch) > 0

    it.before.append(away_for_the_first)
    await it.send(*(it.order(number) for number in range(20)))
    async with it.running(ready=False):
        await waiting.wait()
        async with it.running() as second:
            await owns(second, 2)
            first_only = False
            await stored(second, 20)
