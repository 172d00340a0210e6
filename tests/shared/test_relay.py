"""What nobody published is published by age, never by a cursor."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from tests.shared.probe import Probe, count_of

from shared import outbox
from shared.outbox import LEFTOVER_AGE_S, Outgoing
from shared.publisher import Publisher, PublishError
from shared.relay import Relay
from shared.service import Service

pytestmark = pytest.mark.infra

OLD = timedelta(seconds=LEFTOVER_AGE_S + 5)


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


async def leave(it: Probe, service: Service, name: str, age: timedelta = OLD, identity: ObjectId | None = None) -> None:
    record = Outgoing(it.given.topic, b"k", name.encode(), [], ("clock", -1), 0)
    [document] = outbox.documents([record], datetime.now(UTC) - age)
    await service.database[outbox.COLLECTION].insert_one({"_id": identity or ObjectId(), **document})


async def values(it: Probe, count: int) -> list[str]:
    return [record.value.decode() for record in await it.published(it.given.topic, count)]


async def test_what_is_older_than_30_s_is_published_once_and_forgotten(it: Probe, service: Service) -> None:
    await leave(it, service, "second", OLD)
    await leave(it, service, "first", OLD + timedelta(seconds=10))
    await leave(it, service, "young", timedelta(seconds=LEFTOVER_AGE_S - 10))
    relay = Relay(service.database, service.publisher)
    assert await relay.once() == 2
    assert await relay.once() == 0
    assert await values(it, 2) == ["first", "second"]
    assert await count_of(service.database, outbox.COLLECTION) == 1


async def test_a_document_that_is_committed_late_under_an_older_id_is_not_skipped(it: Probe, service: Service) -> None:
    """Fails with a cursor over `_id`: the transaction that took the lower id commits after the higher was read."""
    lower, higher = ObjectId(), ObjectId()
    await leave(it, service, "higher", identity=higher)
    relay = Relay(service.database, service.publisher)
    assert await relay.once() == 1
    await leave(it, service, "lower", identity=lower)
    assert await relay.once() == 1
    assert await values(it, 2) == ["higher", "lower"]


async def test_without_kafka_everything_stays(it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(_: Publisher, __: Sequence[Outgoing]) -> None:
        message = "away"
        raise PublishError(message)

    await leave(it, service, "kept")
    monkeypatch.setattr(Publisher, "publish", away)
    with pytest.raises(PublishError):
        await Relay(service.database, service.publisher).once()
    assert await count_of(service.database, outbox.COLLECTION) == 1
