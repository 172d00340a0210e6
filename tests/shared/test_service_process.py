"""Real processes: an orderly stop leaves its group with all acknowledged, a kill at any instant costs nothing."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from tests.infra.local import ROOT
from tests.shared.probe import Probe, until

from ops.runtime import ports
from shared import mongo
from shared.settings import SESSION_TIMEOUT_MS_MIN

pytestmark = pytest.mark.infra


class Replica:
    """One process of the probe."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, log: Path) -> None:
        self.process = process
        self.log = log
        self._url = f"http://127.0.0.1:{port}/readyz"

    async def ready(self) -> None:
        """Wait until it takes messages."""

        async def so() -> bool:
            assert self.process.returncode is None, self.log.read_text()
            try:
                async with httpx.AsyncClient() as client:
                    return (await client.get(self._url)).status_code == 200
            except httpx.TransportError:
                return False

        await until(so)

    async def ended(self) -> int:
        """Wait for its end and return its exit code."""
        async with asyncio.timeout(40):
            return await self.process.wait()


@asynccontextmanager
async def replica(it: Probe, folder: Path, name: str, batch_s: float = 0.0) -> AsyncIterator[Replica]:
    """Run one replica; it is killed at the end when it still runs."""
    port, log = ports.choose(("http",))["http"], folder / f"{name}.log"
    environment = {
        "PROBE_KAFKA_BOOTSTRAP": it.settings.kafka_bootstrap,
        "PROBE_MONGO_URL": f"{it.settings.mongo_url}&appName={it.settings.mongo_database}",
        "PROBE_MONGO_DATABASE": it.settings.mongo_database,
        "PROBE_TOPICS_FILE": str(it.settings.topics_file),
        "PROBE_FETCH_MIN_BYTES": "1",
        "PROBE_SESSION_TIMEOUT_MS": str(SESSION_TIMEOUT_MS_MIN),  # a killed replica is soon missed
        "TAKEN_TOPIC": it.taken.topic,
        "GIVEN_TOPIC": it.given.topic,
        "BATCH_S": str(batch_s),
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.serve", "tests.shared.process", "--port", str(port)),
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield Replica(process, port, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def orders(it: Probe) -> AsyncIterator[mongo.Database]:
    client = mongo.connect(it.settings.mongo_url)
    yield client[it.settings.mongo_database]
    await mongo.close(client)


@pytest.fixture
async def nothing_is_left_open(orders: mongo.Database) -> AsyncIterator[None]:
    """End the transactions of killed replicas: MongoDB would hold their locks, and the end of the test, for 60 s."""
    yield
    begun: list[mongo.Document] = [
        {"$currentOp": {"allUsers": True, "idleSessions": True}},
        {"$match": {"appName": orders.name, "transaction": {"$exists": True}}},
    ]
    sessions = [{"id": found["lsid"]["id"]} async for found in orders.client.admin.aggregate(begun)]
    if sessions:
        await mongo.end_sessions(orders.client, sessions)


async def stored(database: mongo.Database, count: int) -> None:
    async def so() -> bool:
        return await database["orders"].count_documents({}) >= count

    await until(so, timeout_s=90)


async def members(it: Probe) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=it.bootstrap)
    await admin.start()
    try:
        [answer] = await admin.describe_consumer_groups([it.group])
        [group] = answer.groups
        return len(group[5])
    finally:
        await admin.close()


async def test_sigterm_ends_in_order_with_exit_code_0(it: Probe, orders: mongo.Database, tmp_path: Path) -> None:
    """What is done is acknowledged, the group is left at once, and another replica goes on where it stopped."""
    await it.send(*(it.order(number) for number in range(200)))
    async with replica(it, tmp_path, "first") as first:
        await first.ready()
        await stored(orders, 200)
        await it.send(*(it.order(number) for number in range(200, 400)))
        first.process.send_signal(signal.SIGTERM)
        assert await first.ended() == 0, first.log.read_text()
    assert "Traceback" not in first.log.read_text()
    assert await members(it) == 0, "a member that does not leave holds its partitions until its session ends"
    done = await orders["orders"].count_documents({})
    assert sum((await it.committed()).values()) == done
    async with replica(it, tmp_path, "second") as second:
        await second.ready()
        await stored(orders, 400)
        second.process.send_signal(signal.SIGTERM)
        assert await second.ended() == 0, second.log.read_text()
    answers = await it.published(it.given.topic, 400)
    assert len({answer.key for answer in answers}) == len(answers) == 400


async def test_sigterm_lets_the_batch_in_hand_end(it: Probe, orders: mongo.Database, tmp_path: Path) -> None:
    await it.send(*(it.order(number) for number in range(10)), partition=0)
    async with replica(it, tmp_path, "slow", batch_s=2.0) as slow:
        await slow.ready()
        await asyncio.sleep(0.5)
        slow.process.send_signal(signal.SIGTERM)
        assert await slow.ended() == 0, slow.log.read_text()
    assert await it.committed() == {0: await orders["orders"].count_documents({})}
    assert await orders["outbox"].count_documents({}) == 0


@pytest.mark.timeout(300)  # after each kill its session (15 s) and its transaction (15 s) must end before others go on
@pytest.mark.usefixtures("nothing_is_left_open")
async def test_a_killed_replica_loses_nothing_and_repeats_nothing_that_shows(
    it: Probe, orders: mongo.Database, tmp_path: Path
) -> None:
    """Killed three times in the middle of its work; the batches are small, so that a kill meets every step."""
    total = 1_500
    await it.send(*(it.order(number) for number in range(total)))
    for number, after in enumerate((100, 500, 1_000)):
        async with replica(it, tmp_path, f"killed-{number}", batch_s=0.01) as killed:
            await stored(orders, after)
            killed.process.kill()
            assert await killed.ended() == -signal.SIGKILL
    async with replica(it, tmp_path, "last") as last:
        await last.ready()
        await stored(orders, total)

        async def settled() -> bool:
            return await it.committed() == await it.ends() and await orders["outbox"].count_documents({}) == 0

        await until(settled)
        last.process.send_signal(signal.SIGTERM)
        assert await last.ended() == 0, last.log.read_text()
    assert await orders["orders"].count_documents({}) == total
    assert await orders["parked"].count_documents({}) == 0
    answers = await it.published(it.given.topic, total)
    # An answer that was published but not yet removed from the outbox goes out again, under the same id.
    assert len({dict(answer.headers)["ce_id"] for answer in answers}) == total
