"""An operator's release: in arrival order, ended with the last record, and undone as a whole when it fails."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from tests.shared.probe import Probe, count_of, until

from shared import release
from shared.commits import OutageError
from shared.messages import OrderPaid
from shared.mongo import Document
from shared.record import Batch
from shared.release import Releases
from shared.service import Service
from shared.work import TooLargeError, Work

pytestmark = pytest.mark.infra

STRIPE = "probe.taken#0"


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


async def refuse(batch: Batch[OrderPaid], work: Work) -> None:
    for received in batch:
        work.park(received, "cannot_take_it")


async def park(it: Probe, service: Service, count: int, first_offset: int = 0) -> None:
    """Park `count` records of order 1, whose buyers number them."""
    it.before[:] = [refuse]
    orders = [it.order(1, buyer=str(number)) for number in range(first_offset, first_offset + count)]
    _, delivery = service.intake.routes[it.taken.topic]
    await delivery.deliver(it.received(*orders, first_offset=first_offset), STRIPE)
    assert await count_of(service.database, "parked") == first_offset + count
    it.before.clear()
    it.batches.clear()


async def ask(service: Service) -> None:
    request = {"requested_at": datetime.now(UTC), "actor": "someone", "reason": "mended"}
    await service.database["parks"].update_one({"_id": "test-kit/1"}, {"$set": {"release": request}})


async def the_park(service: Service) -> Document | None:
    return await service.database["parks"].find_one({"_id": "test-kit/1"})


def releases(service: Service) -> Releases:
    return Releases(service.database, service.commits, service.intake.routes)


async def test_nothing_is_replayed_before_an_operator_asks(it: Probe, service: Service) -> None:
    await park(it, service, 3)
    assert await releases(service).once() == 0
    assert await count_of(service.database, "parked") == 3


async def test_a_release_replays_in_order_and_unparks_with_the_last(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "RECORDS_PER_UNIT", 4)
    buyers: list[str] = []
    parks_meanwhile: list[int] = []

    async def note(batch: Batch[OrderPaid], _: Work) -> None:
        buyers.extend(received.event.buyer for received in batch)
        parks_meanwhile.append(await count_of(service.database, "parks"))

    await park(it, service, 10)
    await ask(service)
    it.before.append(note)
    assert await releases(service).once() == 10
    assert buyers == [str(number) for number in range(10)]
    assert set(parks_meanwhile) == {1}, "until the last record, what arrives must still go behind the others"
    assert await count_of(service.database, "parks") == 0
    assert await count_of(service.database, "parked") == 0
    assert len(await it.published(it.given.topic, 1)) == 1
    assert await releases(service).once() == 0


async def test_what_arrives_during_a_release_is_replayed_after_the_rest(it: Probe, service: Service) -> None:
    """Fails when the unit that ends a park does not write what an arrival writes: the record would stay for ever."""
    buyers: list[str] = []

    async def another_arrives(batch: Batch[OrderPaid], work: Work) -> None:
        await service.database["parks"].find_one({}, session=work.session)
        buyers.extend(received.event.buyer for received in batch)
        if len(it.batches) == 0:
            _, delivery = service.intake.routes[it.taken.topic]
            await delivery.deliver(it.received(it.order(1, buyer="late"), first_offset=3), STRIPE)

    await park(it, service, 3)
    await ask(service)
    it.before.append(another_arrives)
    await releases(service).once()
    assert buyers[-4:] == ["0", "1", "2", "late"]
    assert await count_of(service.database, "parks") == 0
    assert await count_of(service.database, "parked") == 0


async def test_a_release_that_fails_keeps_everything_with_its_error(it: Probe, service: Service) -> None:
    async def still_broken(_: Batch[OrderPaid], __: Work) -> None:
        message = "still broken"
        raise RuntimeError(message)

    await park(it, service, 3)
    await ask(service)
    it.before.append(still_broken)
    await releases(service).once()
    found = await the_park(service)
    assert found is not None
    assert found["failed"] == "RuntimeError('still broken')"
    assert "release" not in found, "it waits for the operator again"
    assert await count_of(service.database, "parked") == 3
    it.before.clear()
    await ask(service)
    assert await releases(service).once() == 3
    assert await the_park(service) is None


async def test_a_handler_that_parks_again_loses_nothing(it: Probe, service: Service) -> None:
    """Fails when the second parking is taken for a repeat: the record was parked already, and would be deleted."""
    await park(it, service, 3)
    await ask(service)
    it.before.append(refuse)
    await releases(service).once()
    found = await the_park(service)
    assert found is not None
    assert "cannot_take_it" in found["failed"]
    assert await count_of(service.database, "parked") == 3


async def test_an_outage_leaves_the_request_for_the_next_sweep(it: Probe, service: Service) -> None:
    async def away(_: Batch[OrderPaid], __: Work) -> None:
        message = "MongoDB is away"
        raise OutageError(message)

    await park(it, service, 2)
    await ask(service)
    it.before.append(away)
    assert await releases(service).once() == 0
    found = await the_park(service)
    assert found is not None
    assert "release" in found
    assert "failed" not in found
    it.before.clear()
    assert await releases(service).once() == 2


async def test_a_park_too_large_for_one_transaction_is_replayed_in_smaller_parts(it: Probe, service: Service) -> None:
    sizes: list[int] = []

    async def three_at_most(batch: Batch[OrderPaid], _: Work) -> None:
        sizes.append(len(batch))
        if len(batch) > 3:
            raise TooLargeError

    await park(it, service, 10)
    await ask(service)
    it.before.append(three_at_most)
    assert await releases(service).once() == 10
    assert sum(size for size in sizes if size <= 3) == 10
    assert await the_park(service) is None


async def test_a_service_replays_parks_by_itself(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.service.RELEASE_EVERY_S", 0.1)
    it.before.append(refuse)
    await it.send(it.order(1))
    async with it.running() as service:
        await wait_for(service, "parked", 1)
        await it.send(it.order(1, buyer="later"), it.order(2))
        await wait_for(service, "parked", 3)
        it.before.clear()
        await ask(service)
        await wait_for(service, "orders", 1)
        assert await service.database["parks"].distinct("_id") == ["test-kit/2"]


async def wait_for(service: Service, collection: str, count: int) -> None:
    async def so() -> bool:
        return await count_of(service.database, collection) == count

    await until(so)
