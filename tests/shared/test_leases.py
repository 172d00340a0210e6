"""Of several replicas one does a job; it may go on, and is replaced when it is gone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from tests.shared.probe import Probe, until

from shared import leases
from shared.mongo import Database
from shared.service import Service

pytestmark = pytest.mark.infra


@pytest.fixture
async def database(it: Probe) -> AsyncIterator[Database]:
    async with it.resting() as service:
        yield service.database


async def test_one_owner_holds_a_lease_and_may_renew_it(database: Database) -> None:
    assert await leases.take(database, "relay", "a", 30)
    assert not await leases.take(database, "relay", "b", 30)
    assert await leases.take(database, "relay", "a", 30)
    assert await leases.take(database, "another job", "b", 30)


async def test_of_many_that_ask_at_once_one_gets_it(database: Database) -> None:
    asked = [leases.take(database, "relay", str(number), 30) for number in range(20)]
    assert sum(await asyncio.gather(*asked)) == 1


async def test_a_lease_that_was_not_renewed_is_anybodys(database: Database) -> None:
    assert await leases.take(database, "relay", "a", 0.05)

    async def taken() -> bool:
        return await leases.take(database, "relay", "b", 30)

    await until(taken, timeout_s=5)
    assert not await leases.take(database, "relay", "a", 30)


async def test_deadlines_are_judged_by_mongodbs_clock(database: Database) -> None:
    now = await leases.now(database)
    assert now.tzinfo is not None
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60


async def test_only_one_replica_sweeps(it: Probe) -> None:
    """Fails when a sweep runs without its lease."""
    swept: dict[str, int] = {"a": 0, "b": 0}

    def replica(name: str) -> Service:
        service = it.service()

        async def once() -> int:
            swept[name] += 1
            return 2

        service.sweep("job", 0.1, once)
        return service

    async with it.running(replica("a")) as first:

        async def owned() -> bool:
            return swept["a"] >= 2

        await until(owned)
        async with it.running(replica("b")):
            before = swept["a"]

            async def went_on() -> bool:
                return swept["a"] >= before + 5

            await until(went_on)
            assert swept["b"] == 0
            assert first.metrics.get_sample_value("weir_swept_total", {"sweep": "job"}) == swept["a"] * 2
