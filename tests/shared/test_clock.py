"""The server's clock: MongoDB's, and moved by tests alone."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import clock, leases, mongo
from shared.clock import Clock
from shared.service import Service
from shared.settings import ServiceSettings

HOUR = timedelta(hours=1)
NEAR = timedelta(seconds=5)
DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def database(mongo_url: str, database_name: str) -> Iterator[mongo.Database]:
    client = mongo.connect(mongo_url)
    yield client[database_name]
    client.close()


async def test_the_time_is_mongodbs(database: mongo.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def elsewhere(_: mongo.Database) -> datetime:
        await asyncio.sleep(0)
        return datetime(2030, 1, 1, tzinfo=UTC)

    found = Clock(database, movable=False)
    monkeypatch.setattr(leases, "now", elsewhere)
    await found.ask()
    assert datetime(2030, 1, 1, tzinfo=UTC) <= found.now() < datetime(2030, 1, 1, tzinfo=UTC) + NEAR


async def test_a_test_moves_the_clocks_of_every_replica(database: mongo.Database) -> None:
    clocks = [Clock(database, movable=True) for _ in range(2)]
    for by in (HOUR, 5 * HOUR, -HOUR):
        await clock.move(database, by)
        for it in clocks:
            await it.ask()
            assert abs(it.now() - datetime.now(UTC) - by) < NEAR


async def test_no_document_moves_the_clock_in_production(database: mongo.Database) -> None:
    await clock.move(database, 1_000 * HOUR)
    found = Clock(database, movable=False)
    await found.ask()
    assert abs(found.now() - datetime.now(UTC)) < NEAR


@pytest.mark.parametrize(("environment", "moved"), [("test", True), ("production", False), (None, False)])
async def test_only_environment_test_lets_a_service_move_its_clock(
    mongo_url: str, database_name: str, environment: str | None, *, moved: bool
) -> None:
    stated: dict[str, Any] = {"environment": environment} if environment else {}
    settings = ServiceSettings(
        kafka_bootstrap="127.0.0.1:1",
        mongo_url=mongo_url,
        mongo_database=database_name,
        marketplaces_file=DEPLOY / "marketplaces.yaml",
        topics_file=DEPLOY / "topics.yaml",
        **stated,
    )
    service = Service("split", settings, {})
    await clock.move(service.database, HOUR)
    await service.clock.ask()
    assert (service.clock.now() - datetime.now(UTC) > HOUR - NEAR) is moved
    service.client.close()


async def test_the_time_is_in_milliseconds_as_it_is_stored(database: mongo.Database) -> None:
    found = Clock(database, movable=False)
    assert {found.now().microsecond % 1_000 for _ in range(50)} == {0}


async def test_while_mongodb_is_away_the_last_answer_is_reckoned_on(
    database: mongo.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clock.move(database, HOUR)
    found = Clock(database, movable=True)
    await found.ask()
    asked = asyncio.Event()

    async def away(_: mongo.Database) -> datetime:
        asked.set()
        await asyncio.sleep(0)
        message = "away"
        raise mongo.PyMongoError(message)

    monkeypatch.setattr(clock, "ASK_EVERY_S", 0.01)
    monkeypatch.setattr(leases, "now", away)
    following = asyncio.create_task(found.follow())
    async with asyncio.timeout(5):
        await asked.wait()
        asked.clear()
        await asked.wait()
    assert abs(found.now() - datetime.now(UTC) - HOUR) < NEAR
    assert not following.done()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
