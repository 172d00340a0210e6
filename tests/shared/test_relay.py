"""What nobody published is published by age, never by a cursor."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from tests.shared.probe import Probe, away, count_of, until

from shared import outbox, relay
from shared.outbox import LEFTOVER_AGE_S, Outgoing
from shared.publisher import Publisher, PublishError
from shared.relay import JUST_LEFT_S, Relay
from shared.service import Service
from shared.work import Work

pytestmark = pytest.mark.infra

OLD = timedelta(seconds=LEFTOVER_AGE_S + 5)


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


async def leave(
    it: Probe,
    service: Service,
    name: str,
    age: timedelta = OLD,
    identity: ObjectId | None = None,
    origin: tuple[str, int] = ("clock", outbox.UNOWNED),
) -> None:
    record = Outgoing(it.given.topic, b"k", name.encode(), [], origin, 0)
    [document] = outbox.documents([record], datetime.now(UTC) - age)
    await service.database[outbox.COLLECTION].insert_one({"_id": identity or ObjectId(), **document})


async def values(it: Probe, count: int) -> list[str]:
    return [record.value.decode() for record in await it.published(it.given.topic, count)]


async def test_what_is_older_than_30_s_is_published_once_and_forgotten(it: Probe, service: Service) -> None:
    await leave(it, service, "second", OLD)
    await leave(it, service, "first", OLD + timedelta(seconds=10))
    await leave(it, service, "young", timedelta(seconds=LEFTOVER_AGE_S - 10))
    sweep = Relay(service.database, service.publisher)
    assert await sweep.once() == 2
    assert await sweep.once() == 0
    assert await values(it, 2) == ["first", "second"]
    assert await count_of(service.database, outbox.COLLECTION) == 1


@asynccontextmanager
async def following(service: Service) -> AsyncIterator[None]:
    """Run what a replica runs beside its sweeps."""
    sweep = Relay(service.database, service.publisher)
    task = asyncio.create_task(sweep.follow(service.commits.unpublished))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def forgotten(service: Service, but: int = 0) -> None:
    """Wait until the outbox is empty, or holds so many documents."""

    async def so() -> bool:
        return await count_of(service.database, outbox.COLLECTION) == but

    await until(so)


async def test_a_start_publishes_at_once_what_a_killed_replica_left_and_nobody_owns(
    it: Probe, service: Service
) -> None:
    """Fails when it is left to the sweep for 30 s, or when what others have in hand just now is published as well."""
    await leave(it, service, "second", timedelta(seconds=JUST_LEFT_S + 3))
    await leave(it, service, "first", timedelta(seconds=JUST_LEFT_S + 4))
    await leave(it, service, "owned", timedelta(seconds=JUST_LEFT_S + 3), origin=(it.group, 0))
    await leave(it, service, "in hand", timedelta(0))
    async with following(service):
        assert await values(it, 2) == ["first", "second"]
        await forgotten(service, but=2)
    assert not service.commits.unpublished.is_set()


async def test_a_start_without_kafka_publishes_it_when_kafka_answers(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when it is tried once: a MongoDB and a Kafka that come back together are nothing rare."""
    monkeypatch.setattr(relay, "AGAIN_S", 0.01)
    really, refusals = Publisher.publish, iter([True, True, True])

    async def away_for_a_while(publisher: Publisher, records: Sequence[Outgoing]) -> None:
        await (away if next(refusals, False) else really)(publisher, records)

    monkeypatch.setattr(Publisher, "publish", away_for_a_while)
    await leave(it, service, "second", OLD)
    await leave(it, service, "first", OLD + timedelta(seconds=1))
    async with following(service):
        assert await values(it, 2) == ["first", "second"]
        await forgotten(service)
    assert next(refusals, None) is None


async def test_a_document_that_is_committed_late_under_an_older_id_is_not_skipped(it: Probe, service: Service) -> None:
    """Fails with a cursor over `_id`: the transaction that took the lower id commits after the higher was read."""
    lower, higher = ObjectId(), ObjectId()
    await leave(it, service, "higher", identity=higher)
    sweep = Relay(service.database, service.publisher)
    assert await sweep.once() == 1
    await leave(it, service, "lower", identity=lower)
    assert await sweep.once() == 1
    assert await values(it, 2) == ["higher", "lower"]


async def test_what_a_replica_could_not_publish_it_publishes_itself_when_kafka_is_back(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when it is left to the relay, which waits until it is 30 s old, or is looked for while it is too young."""
    order = it.order(1)
    event = it.given(**{name: getattr(order, name) for name in order.__struct_fields__})

    async def decide(work: Work) -> None:
        work.publish(event)

    async with following(service):
        with monkeypatch.context() as outage:
            outage.setattr(Publisher, "publish", away)
            await service.commits.run(decide, origin="clock")
        async with asyncio.timeout(LEFTOVER_AGE_S - 10):
            [record] = await it.published(it.given.topic, 1)
            await forgotten(service)
        assert not service.commits.unpublished.is_set()  # else the outbox is asked every 3 s for ever
    assert record.key == event.key.encode()


async def test_without_kafka_everything_stays(it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await leave(it, service, "kept")
    monkeypatch.setattr(Publisher, "publish", away)
    with pytest.raises(PublishError):
        await Relay(service.database, service.publisher).once()
    assert await count_of(service.database, outbox.COLLECTION) == 1
