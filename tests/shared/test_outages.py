"""MongoDB or Kafka is away: the service lives, says so, loses nothing, puts nothing aside, and goes on by itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.shared import probe, proxy
from tests.shared.broker import Broker
from tests.shared.probe import Probe, acknowledged, count_of, get, stored, until

from shared import intake, lag, mongo, publisher, service, subscriptions
from shared.messages import OrderPaid
from shared.outbox import Outgoing
from shared.publisher import Publisher, PublishError
from shared.record import Batch
from shared.service import Service
from shared.work import Work

pytestmark = pytest.mark.infra


@pytest.fixture(scope="module")
def its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.end()


@pytest.fixture
async def kafka(its_own: Broker) -> Broker:
    """Return a broker that runs and that the test may kill."""
    await its_own.start()
    return its_own


@pytest.fixture(autouse=True)
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every rule and shorten every wait."""
    monkeypatch.setattr(intake, "OUTAGE_RETRIES_S_MAX", 1.0)
    monkeypatch.setattr(intake, "ACK_S_MAX", 1.0)
    monkeypatch.setitem(intake.PAUSES_S, intake.OUTAGE, 0.5)
    monkeypatch.setattr(mongo, "SERVER_SELECTION_TIMEOUT_MS", 500)
    monkeypatch.setattr(publisher, "PUBLISH_TIMEOUT_S", 1.0)
    monkeypatch.setattr(publisher, "STOP_TIMEOUT_S", 0.5)
    monkeypatch.setattr(lag, "LOOK_EVERY_S", 0.3)
    monkeypatch.setattr(lag, "LOOK_S_MAX", 1.0)
    monkeypatch.setattr(service, "START_RETRY_S", 0.3)
    monkeypatch.setattr(subscriptions, "GRACE_S", 1.0)


async def missing(it: Service, what: str) -> None:
    """Wait until /readyz names it, while /livez stays green."""

    async def so() -> bool:
        answer = await get(it, "/readyz")
        assert (await get(it, "/livez")).status_code == 200
        return answer.status_code == 503 and what in answer.json()["missing"]

    await until(so)


async def ready(it: Service) -> None:
    async def so() -> bool:
        assert (await get(it, "/livez")).status_code == 200
        return (await get(it, "/readyz")).status_code == 200

    await until(so)


def through(it: Probe, url: str) -> Probe:
    return replace(it, settings=it.settings.model_copy(update={"mongo_url": url}))


async def test_while_mongodb_is_away_records_wait_and_then_go_on(it: Probe, mongo_url: str) -> None:
    """Fails when an outage parks or rejects: all twenty orders would be put aside as bad."""
    async with proxy.to_mongo(mongo_url) as (line, url):  # the test itself asks past the line
        behind = through(it, url)
        async with it.resting() as direct, behind.running() as replica:
            await it.send(*(it.order(number) for number in range(10)))
            await stored(direct, 10)
            await acknowledged(it)
            await line.cut()
            await it.send(*(it.order(number) for number in range(10, 30)))
            await missing(replica, "mongodb")
            await missing(replica, it.group)
            assert sum((await it.committed()).values()) == 10
            await line.join()
            await stored(direct, 30)
            await ready(replica)
            assert await count_of(direct.database, "parks") == 0
        answers = await it.published(it.given.topic, 30)
    assert len({answer.key for answer in answers}) == len(answers) == 30


async def test_a_line_to_mongodb_that_breaks_all_the_time_loses_and_repeats_nothing(
    it: Probe, mongo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits whose answer is lost are among them: whatever is tried again must find what is there."""
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 20)
    async with proxy.to_mongo(mongo_url) as (line, url):
        behind = through(it, url)
        async with it.resting() as direct, behind.running():
            await it.send(*(it.order(number) for number in range(600)))
            for step in range(20):
                await asyncio.sleep(0.05 + 0.013 * step)
                await line.cut()
                await line.join()
            await stored(direct, 600)

            async def forgotten() -> bool:
                return await count_of(direct.database, "outbox") == 0

            await until(forgotten)
            assert await count_of(direct.database, "parks") == 0
        answers = await it.published(it.given.topic, 600)
    assert len({answer.key for answer in answers}) == 600


async def test_while_kafka_is_away_answers_wait_in_the_outbox_and_come_in_order(
    kafka: Broker, mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    """Kafka dies between commit and publish, and comes back: the answers of then come before those of later."""
    it = await probe.make(kafka.bootstrap, mongo_url, database_name, tmp_path, partitions=1)
    died = asyncio.Event()

    async def dies(_: Batch[OrderPaid], __: Work) -> None:
        if not died.is_set():
            died.set()
            await kafka.kill()

    it.before.append(dies)
    await it.send(*(it.order(number) for number in range(20)))
    async with it.running() as replica:
        await stored(replica, 20)
        await missing(replica, "kafka")
        assert await count_of(replica.database, "outbox") > 0
        await kafka.start()
        await it.send(*(it.order(number) for number in range(20, 40)))
        await stored(replica, 40)
        await ready(replica)
        answers = await it.published(it.given.topic, 40)
        assert await count_of(replica.database, "parks") == 0
    numbers = [int(answer.key.rpartition(b"/")[2]) for answer in answers]
    assert list(dict.fromkeys(numbers)) == list(range(40))


async def test_a_service_starts_when_kafka_and_mongodb_come(
    kafka: Broker, mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    await kafka.kill()
    async with proxy.to_mongo(mongo_url, joined=False) as (line, url):
        it = probe.unmade(kafka.bootstrap, url, database_name, tmp_path)
        replica = it.service()
        async with replica.app.router.lifespan_context(replica.app):
            await missing(replica, "mongodb")
            await missing(replica, "start")
            await line.join()

            async def asks_for_kafka() -> bool:
                return "Kafka" in (await get(replica, "/readyz")).json()["missing"].get("start", "")

            await until(asks_for_kafka)
            await kafka.start()

            async def asks_for_topics() -> bool:
                return "is missing" in (await get(replica, "/readyz")).json()["missing"].get("start", "")

            await until(asks_for_topics)
            await it.apply_topics()
            await ready(replica)
            await it.send(it.order(1))
            await stored(replica, 1)


async def test_a_publisher_survives_its_broker(
    kafka: Broker, mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    """An idempotent producer tries for ever and hangs in stop: fails without the limits, or when it is not replaced."""
    it = await probe.make(kafka.bootstrap, mongo_url, database_name, tmp_path)
    ours = Publisher(kafka.bootstrap, "test")

    def one(value: bytes) -> list[Outgoing]:
        return [Outgoing(it.given.topic, b"k", value, [], ("api", -1), 0)]

    await ours.publish(one(b"before"))
    await kafka.kill()
    async with asyncio.timeout(30):
        for _ in range(3):
            with pytest.raises(PublishError):
                await ours.publish(one(b"lost"))
        stopping = Publisher(kafka.bootstrap, "other")
        with pytest.raises(PublishError):
            await stopping.publish(one(b"lost"))
        await stopping.stop()
    trying = [task for task in asyncio.all_tasks() if "sender" in repr(task.get_coro()).lower()]
    assert trying == [], "a producer that was given up would send its records later, after newer ones"
    await kafka.start()

    async def taken() -> bool:
        try:
            await ours.publish(one(b"after"))
        except PublishError:
            return False
        return True

    await until(taken)
    values = [record.value for record in await it.published(it.given.topic, 2)]
    assert values[0] == b"before"
    assert set(values[1:]) == {b"after"}
    await ours.stop()


async def test_stopping_while_kafka_is_away_takes_no_longer_than_the_grace_time(
    kafka: Broker, mongo_url: str, database_name: str, tmp_path: Path
) -> None:
    it = await probe.make(kafka.bootstrap, mongo_url, database_name, tmp_path)
    await it.send(it.order(1))
    replica = it.service()
    async with asyncio.timeout(60):
        async with it.running(replica):
            await stored(replica, 1)
            await kafka.kill()
            await missing(replica, "kafka")
    assert replica.health.stopping
