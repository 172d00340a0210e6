"""Alive means progress, ready means able: an outage makes a service unready and never kills it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.shared.probe import Probe, get, until

from shared import health

pytestmark = pytest.mark.infra


async def test_a_running_service_is_alive_and_ready(it: Probe) -> None:
    async with it.running() as service:
        live, ready = await get(service, "/livez"), await get(service, "/readyz")
        assert (live.status_code, live.json()) == (200, {"alive": True, "dead": {}})
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "missing": {}})


async def test_the_death_of_a_background_task_makes_it_unhealthy(it: Probe) -> None:
    """Fails when only the web server is looked at: a service that no longer works would never be restarted."""
    service, die = it.service(), asyncio.Event()

    async def mortal() -> None:
        await die.wait()
        message = "a bug"
        raise RuntimeError(message)

    service.background(mortal)
    async with it.running(service):
        assert (await get(service, "/livez")).status_code == 200
        die.set()

        async def dead() -> bool:
            return bool((await get(service, "/livez")).json()["dead"] == {"background-0": "dead"})

        await until(dead)
        assert (await get(service, "/livez")).status_code == 503


async def test_a_consumer_that_no_longer_polls_makes_it_unhealthy(it: Probe) -> None:
    """FastStream's own `ping` stays true then."""
    async with it.running() as service:
        for task in service.intake.subscribers[0].tasks:
            task.cancel()

        async def dead() -> bool:
            return bool((await get(service, "/livez")).json()["dead"] == {it.group: "dead"})

        await until(dead)


async def test_a_batch_in_hand_beyond_every_limit_makes_it_unhealthy(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "BATCH_S_MAX", 0.2)
    began, go_on = asyncio.Event(), asyncio.Event()

    async def stuck(*_: object) -> None:
        began.set()
        await go_on.wait()

    it.before.append(stuck)
    await it.send(it.order(1))
    async with it.running() as service:
        await began.wait()

        async def dead() -> bool:
            return it.group in (await get(service, "/livez")).json()["dead"]

        await until(dead)
        go_on.set()

        async def alive() -> bool:
            return (await get(service, "/livez")).status_code == 200

        await until(alive)


async def test_an_event_loop_that_stands_still_makes_it_unhealthy(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    async with it.resting() as service:
        monkeypatch.setattr(health, "LOOP_LAG_S_MAX", -1.0)
        assert set(service.health.live()) == {"event_loop"}


async def test_a_service_that_has_not_started_or_is_stopping_is_not_ready(it: Probe) -> None:
    async with it.resting() as service:
        assert (await service.health.ready())["start"] == "starting"
        service.health.stopping = True
        missing = await service.health.ready()
        assert missing["service"] == "stopping"
        assert missing[it.group] == "no assignment"


async def test_metrics_are_served(it: Probe) -> None:
    async with it.running() as service:
        answer = await get(service, "/metrics")
    assert answer.status_code == 200
    for name in ("weir_batch_records", "weir_transaction_seconds", "weir_outbox_oldest_seconds", "weir_parked_keys"):
        assert f"# TYPE {name} " in answer.text


async def test_the_age_of_the_outbox_and_the_number_of_parks_are_measured(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.service.GAUGES_EVERY_S", 0.1)
    monkeypatch.setattr("shared.outbox.LEFTOVER_AGE_S", 3_600)
    async with it.running() as service:
        an_hour_ago = datetime.now(UTC) - timedelta(minutes=50)
        await service.database["outbox"].insert_one({"group": "api", "at": an_hour_ago})
        await service.database["parks"].insert_many([{"_id": number} for number in range(3)])

        async def measured() -> bool:
            age = service.metrics.get_sample_value("weir_outbox_oldest_seconds") or 0
            return 2_990 < age < 3_100 and service.metrics.get_sample_value("weir_parked_keys") == 3

        await until(measured)
