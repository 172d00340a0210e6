"""Two owners of a partition at once: one that its group has given up, and does not know it, and its successor.

What the one committed and has not published goes out before what the other handles next: found by the simulation.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from tests.shared.probe import Probe, acknowledged, count_of

from shared import intake
from shared.commits import OutageError
from shared.delivery import Delivery, LeftoversError
from shared.messages import OrderPaid
from shared.outbox import Outgoing
from shared.publisher import PublishError, partition_of
from shared.record import Batch
from shared.service import Service
from shared.work import Work

pytestmark = pytest.mark.infra


@pytest.fixture
async def former(it: Probe, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """Return a replica that commits and never publishes."""

    async def never(_: Sequence[Outgoing]) -> None:
        message = "stands still"
        raise PublishError(message)

    async with it.resting() as service:
        with monkeypatch.context() as still:
            still.setattr(service.publisher, "publish", never)
            yield service


def neighbours(it: Probe, count: int) -> list[OrderPaid]:
    """Return orders whose events share a partition."""
    orders = [it.order(number) for number in range(200)]
    return [order for order in orders if partition_of(order.key.encode(), it.partitions) == 0][:count]


async def committed_by(former: Service, it: Probe, orders: Sequence[OrderPaid]) -> None:
    """Let the former owner commit these, the first records of partition 0."""
    _, delivery = former.intake.routes[it.taken.topic]
    records: list[Any] = it.received(*orders)
    with suppress(OutageError):
        await delivery.deliver(records, f"{it.group}#0")


@pytest.mark.parametrize("overlap_s", [120.0, -1.0])
async def test_what_the_former_owner_committed_is_published_before_what_follows(
    it: Probe, former: Service, monkeypatch: pytest.MonkeyPatch, overlap_s: float
) -> None:
    """It commits after its successor looked for leftovers, and before that one handles the same records.

    Fails when leftovers are only looked for with an assignment: the last order's event would come first.
    """
    monkeypatch.setattr(intake, "OVERLAP_S", overlap_s)
    orders = neighbours(it, 4)
    began = False

    async def race(_: Batch[OrderPaid], __: Work) -> None:
        nonlocal began
        if not began:
            began = True
            await committed_by(former, it, orders[:3])

    it.before.append(race)
    await it.send(*orders, partition=0)
    async with it.running():
        answers = await it.published(it.given.topic, 4)
        await acknowledged(it)
        assert await count_of(former.database, "outbox") == 0
    first = list(dict.fromkeys(answer.key for answer in answers))
    assert first == [order.key.encode() for order in orders]


@pytest.mark.parametrize(("overlap_s", "unpublished"), [(120.0, 0), (-1.0, 1)])
async def test_what_the_former_owner_committed_is_published_before_it_is_acknowledged(
    it: Probe, former: Service, monkeypatch: pytest.MonkeyPatch, overlap_s: float, unpublished: int
) -> None:
    """Of a batch that is done already nothing is published; so long after an assignment that is left to the relay."""
    monkeypatch.setattr(intake, "OVERLAP_S", overlap_s)
    deliver = Delivery.deliver
    orders = neighbours(it, 3)
    began = False

    async def race(delivery: Delivery[OrderPaid], records: Sequence[Any], stripe: str, *, settled: bool = True) -> int:
        nonlocal began
        if not began:
            began = True
            await committed_by(former, it, orders)
        return await deliver(delivery, records, stripe, settled=settled)

    monkeypatch.setattr(Delivery, "deliver", race)
    await it.send(*orders, partition=0)
    async with it.running():
        await acknowledged(it)
        assert await count_of(former.database, "outbox") == unpublished


async def test_a_record_that_the_former_owner_has_committed_is_not_parked_before_its_events_are_published(
    it: Probe, former: Service
) -> None:
    """A park publishes nothing, but it lets the record be acknowledged. Fails when only handled batches ask."""

    async def fail(_: Batch[OrderPaid], __: Work) -> None:
        raise KeyError

    orders = neighbours(it, 1)
    await committed_by(former, it, orders)
    it.before.append(fail)
    _, delivery = former.intake.routes[it.taken.topic]
    with pytest.raises(LeftoversError):
        await delivery.deliver(it.received(*orders), f"{it.group}#0", settled=False)
    assert await count_of(former.database, "parked") == 0
    await former.database["outbox"].delete_many({})
    assert await delivery.deliver(it.received(*orders), f"{it.group}#0", settled=False) == 1
    assert await count_of(former.database, "parked") == 1
