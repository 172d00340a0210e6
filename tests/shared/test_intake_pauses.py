"""A consumer pauses for a few stated reasons, says so, loses nothing meanwhile, and goes on by itself."""

import asyncio

import pytest
from tests.shared.probe import Probe, acknowledged, count_of, get, stored, until

from shared import breaker, intake, parking, subscriptions
from shared.commits import OutageError
from shared.messages import OrderPaid
from shared.record import Batch
from shared.service import Service
from shared.work import Work

pytestmark = pytest.mark.infra


async def paused(service: Service, reason: str) -> None:
    labels = {"topic": service.intake.all[0].topic, "reason": reason}

    async def so() -> bool:
        return service.metrics.get_sample_value("weir_consumer_paused", labels) == 1

    await until(so)


async def test_a_pause_rewinds_also_to_what_it_never_came_to(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when only the batch in hand is rewound: later parts of the same fetch, of other partitions, were lost."""
    monkeypatch.setattr(intake, "BATCH_BYTES_MAX", 1)  # each record is a batch of its own
    monkeypatch.setattr(intake, "OUTAGE_RETRIES_S_MAX", 0.1)
    monkeypatch.setitem(intake.PAUSES_S, intake.OUTAGE, 0.2)
    outages = 3

    async def away(_: Batch[OrderPaid], __: Work) -> None:
        nonlocal outages
        if outages:
            outages -= 1
            message = "away"
            raise OutageError(message)

    it.before.append(away)
    await it.send(*(it.order(number) for number in range(40)))
    async with it.running(ready=False) as service:
        await stored(service, 40)
        await acknowledged(it)
    assert len(await it.published(it.given.topic, 40)) == 40


async def test_an_outage_that_lasts_pauses_and_loses_nothing(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when an outage counts as a bad record, or the service retries for ever without saying so."""
    monkeypatch.setattr(intake, "OUTAGE_RETRIES_S_MAX", 0.5)
    monkeypatch.setitem(intake.PAUSES_S, intake.OUTAGE, 0.2)
    away = asyncio.Event()

    async def handle(_: Batch[OrderPaid], __: Work) -> None:
        if away.is_set():
            message = "away"
            raise OutageError(message)

    it.before.append(handle)
    away.set()
    await it.send(*(it.order(number) for number in range(20)))
    async with it.running(ready=False) as service:
        await paused(service, "outage")
        answer = (await get(service, "/readyz")).json()
        assert answer["missing"][it.group] == "paused"
        assert (await get(service, "/livez")).status_code == 200
        away.clear()
        await stored(service, 20)
        await acknowledged(it)
        assert await count_of(service.database, "parks") == 0
        assert service.metrics.get_sample_value("weir_records_total", {"topic": it.taken.topic, "fate": "parked"}) == 0


async def test_a_broken_upstream_pauses_the_consumer(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "WINDOW_RECORDS", 20)
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 10)
    await it.send(*(it.order(number) for number in range(10)), partition=0)
    await it.send(*(it.order(f"bad-{number}") for number in range(10)), partition=0, value=b"{")
    await it.send(*(it.order(f"later-{number}") for number in range(10)), partition=0)
    async with it.running(ready=False) as service:
        await paused(service, "broken_upstream")
        assert await count_of(service.database, "orders") == 10
        assert (await it.committed()) == {0: 20}
        monkeypatch.setitem(intake.PAUSES_S, intake.BROKEN_UPSTREAM, 0.1)
    async with it.running() as service:
        await stored(service, 20)


async def test_a_pause_for_a_broken_upstream_ends_by_itself_with_a_new_window(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "WINDOW_RECORDS", 20)
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 10)
    monkeypatch.setitem(intake.PAUSES_S, intake.BROKEN_UPSTREAM, 0.2)
    await it.send(*(it.order(f"bad-{number}") for number in range(20)), partition=0, value=b"{")
    await it.send(*(it.order(number) for number in range(10)), partition=0)
    async with it.running(ready=False) as service:
        await stored(service, 10)
        await acknowledged(it)


async def test_records_that_a_handler_gives_up_count_as_bad(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when only unreadable records count: a handler's bug would park order after order."""
    monkeypatch.setattr(breaker, "WINDOW_RECORDS", 20)
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 10)

    async def bug(_: Batch[OrderPaid], __: Work) -> None:
        raise ZeroDivisionError

    it.before.append(bug)
    await it.send(*(it.order(number) for number in range(40)), partition=0)
    async with it.running(ready=False) as service:
        await paused(service, "broken_upstream")
        assert await count_of(service.database, "parks") == 20


async def test_a_full_park_pauses_the_consumer(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "RECORDS_PER_PARK_MAX", 2)

    async def cannot_take_1(batch: Batch[OrderPaid], work: Work) -> None:
        for received in batch:
            if received.event.order_id == "1":
                work.park(received, "cannot_take_it")

    it.before.append(cannot_take_1)
    await it.send(it.order(0), *[it.order(1)] * 5, it.order(2), partition=0)
    async with it.running(ready=False) as service:
        await paused(service, "park_full")
        assert (await get(service, "/readyz")).status_code == 503
        assert (await get(service, "/livez")).status_code == 200
        assert await count_of(service.database, "parked") <= 2
