"""The park of an order: bounded, told from what is parked already, shared by the topics of a service."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.shared.probe import Probe, count_of

from shared import delivery, parking
from shared.commits import OutageError
from shared.mongo import Database
from shared.parking import ParkFullError
from shared.record import Batch, Raw
from shared.service import Service
from shared.work import CompareFailedError, Work

pytestmark = pytest.mark.infra


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


async def park(service: Service, records: Sequence[Any], reason: str = "cannot_take_it") -> Work:
    async def decide(work: Work) -> None:
        for record in records:
            work.park(record, reason)

    _, work, _ = await service.commits.commit(decide, stripe="s", group="g")
    return work


async def test_a_parked_record_is_kept_as_it_came(it: Probe, service: Service) -> None:
    [record] = it.received(it.order(1), first_offset=7)
    await park(service, [record])
    [document] = await parking_of(service)
    again = parking.raw_of(document)
    assert again == Raw(it.taken.topic, 0, 7, 1, record.raw.key, record.raw.value, list(record.raw.headers))
    found = await service.database["parks"].find_one({"_id": "test-kit/1"})
    assert found is not None
    assert (found["count"], found["reason"], found["marketplace"]) == (1, "cannot_take_it", "test-kit")
    assert (datetime.now(UTC) - found["since"]).total_seconds() < 60


async def parking_of(service: Service) -> list[dict[str, Any]]:
    return await service.database["parked"].find().sort([("aggregate", 1), ("seq", 1)]).to_list(None)


async def test_a_second_delivery_parks_nothing_twice(it: Probe, service: Service) -> None:
    """A batch that was committed but not acknowledged comes again: fails without the look at what is parked."""
    records = it.received(it.order(1), it.order(1, buyer="later"))
    await park(service, records)
    await park(service, records)
    assert [document["seq"] for document in await parking_of(service)] == [0, 1]
    assert await service.database["parks"].count_documents({"count": 2}) == 1


async def test_a_park_takes_no_more_than_its_limit(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (parking.RECORDS_PER_PARK_MAX, parking.PARKS_MAX) == (1_000, 5_000)
    monkeypatch.setattr(parking, "RECORDS_PER_PARK_MAX", 3)
    await park(service, it.received(*[it.order(1)] * 3))
    with pytest.raises(ParkFullError, match="test-kit/1: 3 records are parked"):
        await park(service, it.received(it.order(1), first_offset=3))
    assert await count_of(service.database, "parked") == 3


async def test_a_service_parks_no_more_orders_than_its_limit(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "PARKS_MAX", 2)
    await park(service, it.received(it.order(1), it.order(2)))
    await park(service, it.received(it.order(2), first_offset=5))  # an order that is parked may get more
    with pytest.raises(ParkFullError, match="more than 2 aggregates"):
        await park(service, it.received(it.order(3), first_offset=6))
    assert await count_of(service.database, "parks") == 2


async def test_records_of_the_order_follow_on_every_topic_of_the_service(it: Probe, service: Service) -> None:
    """Fails when a park belongs to one consumer: the other topic would overtake."""
    seen: list[str] = []

    async def other(batch: Batch[Any], _: Work) -> None:
        seen.extend(received.event.order_id for received in batch)

    service.intake.take(it.given, other)
    await park(service, it.received(it.order(1)))
    records = it.received(it.order(1), it.order(2), first_offset=9)
    _, delivery = service.intake.routes[it.given.topic]
    await delivery.deliver(records, "s")
    assert seen == ["2"]
    assert [document["seq"] for document in await parking_of(service)] == [0, 1]


async def fail(_: Batch[Any], __: Work) -> None:
    message = "no such thing"
    raise KeyError(message)


async def test_a_park_that_another_makes_meanwhile_is_joined(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real conflict. Fails when it leaves the kit as a failure of its own, which pauses the consumer and pages."""
    add, tries = parking.add, 0

    async def add_late(work: Work, database: Database, parked: Sequence[Any]) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:  # the snapshot is taken, and does not have what another commits now
            await parking.among(database, ["nothing"], work.session)
            await database["parks"].insert_one({"_id": "test-kit/1", "count": 0})
        await add(work, database, parked)

    it.before.append(fail)
    monkeypatch.setattr(parking, "add", add_late)
    _, delivering = service.intake.routes[it.taken.topic]
    assert await delivering.deliver(it.received(it.order(1)), "stripe") == 1
    assert [document["reason"] for document in await parking_of(service)] == ["handler_failed: KeyError"]
    assert tries == 2


async def test_a_park_that_cannot_be_written_for_conflicts_is_an_outage(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has waited long enough by then: the last try is not followed by a pause for nothing."""
    steps: list[str] = []

    async def conflict(*_: object) -> None:
        steps.append("try")
        raise CompareFailedError

    async def pause(_: int) -> None:
        steps.append("pause")

    it.before.append(fail)
    monkeypatch.setattr(delivery, "_jitter", pause)
    monkeypatch.setattr(parking, "add", conflict)
    _, delivering = service.intake.routes[it.taken.topic]
    with pytest.raises(OutageError, match="could not be parked"):
        await delivering.deliver(it.received(it.order(1)), "stripe")
    assert await parking_of(service) == []
    assert steps == ["try", *["pause", "try"] * (delivery.ATTEMPTS_ALONE_MAX - 1)]
