"""What every service is made of: nothing connects before it starts, nothing is open that should not be."""

import asyncio
import contextlib
import importlib
from typing import Any

import pytest
from fastapi.routing import APIRoute
from tests.shared.probe import Probe, get, until

from shared.messages import OrderPaid
from shared.record import Batch
from shared.work import Work

SERVICES = ("payments", "split", "aftersale", "merchant")
ASYNCAPI = ("/docs/asyncapi", "/docs/asyncapi/try", "/asyncapi", "/asyncapi/try", "/asyncapi.json", "/asyncapi.yaml")


def app_of(service: str, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a service's create_app
    prefix = service.upper()
    monkeypatch.setenv(f"{prefix}_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv(f"{prefix}_MONGO_URL", "mongodb://127.0.0.1:1/")
    monkeypatch.setenv(f"{prefix}_MONGO_DATABASE", service)
    monkeypatch.setenv("PAYMENTS_INSTITUTION_URL", "http://127.0.0.1:1")
    return importlib.import_module(f"{service}.app").create_app()


def open_paths(app: Any) -> set[str]:  # noqa: ANN401 - a FastAPI app
    return {route.path for route in app.routes if isinstance(route, APIRoute)}


@pytest.mark.parametrize("service", SERVICES)
async def test_no_service_lets_strangers_publish(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """FastStream's `asyncapi_path` and its FastAPI router serve a `/try` that publishes to the real topic."""
    app = app_of(service, monkeypatch)
    assert not {path for path in open_paths(app) if "asyncapi" in path or path.endswith("/try")}
    assert {"/livez", "/readyz", "/metrics"} <= open_paths(app)


@pytest.mark.infra
@pytest.mark.parametrize("path", ASYNCAPI)
async def test_the_kit_serves_no_asyncapi(it: Probe, path: str) -> None:
    async with it.resting() as service:
        answer = await get(service, path)
        assert (answer.status_code, answer.json()["reason"]) == (404, "route_unknown")


@pytest.mark.infra
async def test_a_sweep_that_fails_runs_again(it: Probe) -> None:
    service, runs = it.service(), 0

    async def once() -> int:
        nonlocal runs
        runs += 1
        if runs == 1:
            message = "a bug in a sweep"
            raise RuntimeError(message)
        return 3

    service.sweep("job", 0.05, once)
    async with it.running(service):

        async def swept() -> bool:
            return (service.metrics.get_sample_value("weir_swept_total", {"sweep": "job"}) or 0) >= 3

        await until(swept)
        assert (await get(service, "/livez")).status_code == 200


@pytest.mark.infra
async def test_background_work_runs_from_start_to_stop(it: Probe) -> None:
    service, events = it.service(), list[str]()

    async def run() -> None:
        events.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            events.append("ended")

    service.background(run)
    assert events == []
    async with it.running(service):

        async def started() -> bool:
            return events == ["started"]

        await until(started)
    assert events == ["started", "ended"]


@pytest.mark.infra
async def test_a_service_takes_several_topics_each_in_a_group_of_its_own(it: Probe) -> None:
    """Consumers of different topics in one group would rebalance each other."""
    service, seen = it.service(), list[str]()

    async def note(batch: Batch[OrderPaid], _: Work) -> None:
        seen.extend(received.event.order_id for received in batch)

    service.intake.take(it.given, note)
    assert [intake.group for intake in service.intake.all] == [it.group, f"probe.{it.given.topic}"]
    await it.send(*(it.order(number) for number in range(10)), topic=it.given.topic)
    async with it.running(service):

        async def all_seen() -> bool:
            return sorted(seen) == sorted(map(str, range(10)))

        await until(all_seen)


@pytest.mark.infra
async def test_nothing_is_left_when_it_has_stopped(it: Probe) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(2):
        async with it.running() as service:
            await it.send(it.order(1))
        assert service.health.stopping
    assert len(asyncio.all_tasks()) == before


@pytest.mark.infra
async def test_a_task_that_loses_its_first_cancellation_is_ended_all_the_same(it: Probe) -> None:
    """Fails when the stop cancels once and waits: a driver may lose one that comes during a commit."""
    ended = asyncio.Event()

    async def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()  # the lost one
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    service = it.service()
    service.background(run)
    async with it.running(service):
        pass
    assert ended.is_set()


@pytest.mark.infra
async def test_a_stop_during_the_start_ends_the_start_before_it_leaves(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that is joining its group cannot be stopped: the two would wait for each other."""
    service, events = it.service(), list[str]()
    really_stop = service.broker.stop

    async def start() -> None:
        events.append("starting")
        try:
            await asyncio.Event().wait()
        finally:
            events.append("start ended")

    async def stop() -> None:
        events.append("leaving")
        await really_stop()

    async def starting() -> bool:
        return "starting" in events

    monkeypatch.setattr(service.broker, "start", start)
    monkeypatch.setattr(service.broker, "stop", stop)
    async with service.app.router.lifespan_context(service.app):
        await until(starting)
    assert events == ["starting", "start ended", "leaving"]
