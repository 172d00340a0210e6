"""What becomes of a batch, on the real MongoDB and Kafka: conflicts, limits, bugs, one bad record among good ones."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from tests.shared.probe import Probe, count_of

from shared import delivery, mongo
from shared.commits import OutageError
from shared.messages import OrderPaid
from shared.outbox import Outgoing
from shared.publisher import Publisher, PublishError
from shared.record import Batch
from shared.service import Service
from shared.work import CompareFailedError, Work

pytestmark = pytest.mark.infra

STRIPE = "probe.taken#0"


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


async def deliver(it: Probe, service: Service, records: Sequence[Any]) -> int:
    _, it_delivers = service.intake.routes[it.taken.topic]
    return await it_delivers.deliver(list(records), STRIPE)


async def stored(service: Service) -> set[str]:
    return {order["_id"].rpartition("/")[2] async for order in service.database["orders"].find()}


async def parked(service: Service) -> list[tuple[str, str]]:
    """Return (order, reason) of what is parked, in order."""
    found = service.database["parked"].find().sort([("aggregate", 1), ("seq", 1)])
    return [(it["aggregate"].rpartition("/")[2], it["reason"]) async for it in found]


def value(service: Service, name: str, **labels: str) -> float:
    return service.metrics.get_sample_value(name, labels) or 0.0


async def test_a_handler_that_raises_parks_one_record_and_the_others_go_on(it: Probe, service: Service) -> None:
    """Fails when the exception is left to FastStream, which swallows it and commits the whole batch past it."""

    async def fail_on_7(batch: Batch[OrderPaid], _: Work) -> None:
        if any(received.event.order_id == "7" for received in batch):
            message = "no such thing"
            raise KeyError(message)

    it.before.append(fail_on_7)
    bad = await deliver(it, service, it.received(*(it.order(number) for number in range(20))))
    assert bad == 1
    assert await stored(service) == {str(number) for number in range(20)} - {"7"}
    assert await parked(service) == [("7", "handler_failed: KeyError")]
    answers = await it.published(it.given.topic, 19)
    assert b"test-kit/7" not in {answer.key for answer in answers}
    assert await count_of(service.database, "outbox") == 0


async def test_later_records_of_an_order_follow_it_into_the_park(it: Probe, service: Service) -> None:
    async def fail_on_first_7(batch: Batch[OrderPaid], _: Work) -> None:
        if any(received.event.order_id == "7" for received in batch):
            raise RuntimeError

    it.before.append(fail_on_first_7)
    await deliver(it, service, it.received(it.order(6), it.order(7), it.order(7, buyer="later"), it.order(8)))
    it.before.clear()  # mended, but nobody has released it
    bad = await deliver(it, service, it.received(it.order(7, buyer="latest"), it.order(9), first_offset=4))
    assert bad == 0, "what only follows a parked record is no sign of a broken upstream"
    assert await stored(service) == {"6", "8", "9"}
    behind = ("7", "behind_a_parked_record")
    assert await parked(service) == [("7", "handler_failed: RuntimeError"), behind, behind]


async def test_what_a_handler_parks_takes_the_rest_of_its_order_in_the_same_batch_along(
    it: Probe, service: Service
) -> None:
    """Fails when the kit trusts one run of the handler: the later record of order 7 would be applied before."""

    async def park_7(batch: Batch[OrderPaid], work: Work) -> None:
        for received in batch:
            if received.event.order_id == "7" and received.event.buyer == "b":
                work.park(received, "cannot_take_it")

    it.before.append(park_7)
    seven = [it.order(7, buyer=buyer) for buyer in ("b", "later", "latest")]
    await deliver(it, service, it.received(it.order(6), seven[0], seven[1], it.order(8), seven[2]))
    assert [reason for _, reason in await parked(service)] == ["cannot_take_it", *["behind_a_parked_record"] * 2]
    assert {"6", "8"} <= await stored(service)
    assert it.batches[-1] == ["8"]


async def test_a_duplicate_key_runs_the_batch_again_through_the_filter(it: Probe, service: Service) -> None:
    """One duplicate aborts MongoDB's whole transaction; fails when it is taken for a bug, and so parked."""

    async def another_stores_3(batch: Batch[OrderPaid], work: Work) -> None:
        await service.database["orders"].find_one({}, session=work.session)  # opens the snapshot
        if len(it.batches) == 0:
            await service.database["orders"].insert_one({"_id": batch.events[3].event.key})

    it.before.append(another_stores_3)
    bad = await deliver(it, service, it.received(*(it.order(number) for number in range(6))))
    assert bad == 0
    assert len(it.batches) == 2
    assert len(await stored(service)) == 6
    assert len(await it.published(it.given.topic, 5)) == 5
    assert value(service, "weir_transaction_retries_total") == 1
    assert await parked(service) == []


async def test_the_third_abort_halves_a_batch_and_the_fifth_takes_it_one_by_one(it: Probe, service: Service) -> None:
    sizes: list[int] = []

    async def conflict_when_many(batch: Batch[OrderPaid], _: Work) -> None:
        sizes.append(len(batch))
        if len(batch) > 1:
            raise CompareFailedError

    it.before.append(conflict_when_many)
    await deliver(it, service, it.received(*(it.order(number) for number in range(8))))
    assert sizes == [8, 8, 8, 4, 2, 1, 1, 2, 1, 1, 4, 1, 1, 1, 1]
    assert len(await stored(service)) == 8
    assert await parked(service) == []


async def test_a_record_that_contradicts_itself_is_parked_after_many_tries(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when every conflict counts as another's: one order would hold its partition for ever."""
    monkeypatch.setattr(delivery, "JITTER_S", 0.001)

    async def insert_twice(batch: Batch[OrderPaid], work: Work) -> None:
        for received in batch:
            if received.event.order_id == "2":
                work.insert("orders", {"_id": received.event.key})

    it.before.append(insert_twice)
    await deliver(it, service, it.received(*(it.order(number) for number in range(4))))
    assert await stored(service) == {"0", "1", "3"}
    [(order, reason)] = await parked(service)
    assert order == "2"
    assert reason.startswith("still_in_conflict: ")


async def test_a_conflict_with_a_writer_who_does_not_end_is_an_outage_and_nothing_is_parked(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "JITTER_S", 0.001)
    monkeypatch.setattr(delivery, "ATTEMPTS_MAX", 4)
    order = it.order(1)
    async with await service.client.start_session() as session, mongo.start_transaction(session):
        await service.database["orders"].insert_one({"_id": order.key}, session=session)
        with pytest.raises(OutageError, match="still in conflict"):
            await deliver(it, service, it.received(order))
        await session.abort_transaction()
    assert await deliver(it, service, it.received(order)) == 0
    assert await stored(service) == {"1"}
    assert await parked(service) == []


async def test_a_unit_of_too_many_documents_is_cut(it: Probe, service: Service) -> None:
    units: list[int] = []

    async def ten_each(batch: Batch[OrderPaid], work: Work) -> None:
        units.append(len(batch))
        for received in batch:
            for number in range(10):
                work.insert("orders", {"_id": f"{received.event.key}/{number}"})

    it.before.append(ten_each)
    await deliver(it, service, it.received(*(it.order(number) for number in range(500))))
    assert units == [500, 250, 250]
    assert await count_of(service.database, "orders") == 5_500


async def test_a_unit_of_too_many_bytes_is_cut(it: Probe, service: Service) -> None:
    units: list[int] = []

    async def half_a_megabyte_each(batch: Batch[OrderPaid], work: Work) -> None:
        units.append(len(batch))
        for received in batch:
            work.insert("orders", {"_id": f"{received.event.key}/body", "body": b"x" * 500_000})

    it.before.append(half_a_megabyte_each)
    await deliver(it, service, it.received(*(it.order(number) for number in range(20))))
    assert units == [20, 10, 10]
    assert await count_of(service.database, "orders") == 40


async def test_one_record_that_no_transaction_can_hold_is_parked(it: Probe, service: Service) -> None:
    async def far_too_many_for_1(batch: Batch[OrderPaid], work: Work) -> None:
        if any(received.event.order_id == "1" for received in batch):
            for number in range(4_001):
                work.insert("orders", {"_id": number})

    it.before.append(far_too_many_for_1)
    await deliver(it, service, it.received(*(it.order(number) for number in range(3))))
    assert await stored(service) == {"0", "2"}
    assert await parked(service) == [("1", "transaction_too_large")]


async def test_an_event_that_no_topic_takes_is_parked_and_not_tried_for_ever(it: Probe, service: Service) -> None:
    """Fails when the size of an event is left to the broker: it refuses on every try, as if Kafka were away."""

    async def a_megabyte_for_1(batch: Batch[OrderPaid], work: Work) -> None:
        for received in batch:
            if received.event.order_id == "1":
                facts = {name: getattr(received.event, name) for name in received.event.__struct_fields__}
                work.publish(it.given(**{**facts, "buyer": "b" * 1_000_000}))

    it.before.append(a_megabyte_for_1)
    await deliver(it, service, it.received(*(it.order(number) for number in range(3))))
    assert await stored(service) == {"0", "2"}
    assert await parked(service) == [("1", "handler_failed: ValueError")]


async def test_a_unit_that_takes_too_long_is_cut(it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the limit of time counts as an outage: the same batch would time out for ever."""
    sizes: list[int] = []

    async def slow_when_many(batch: Batch[OrderPaid], work: Work) -> None:
        sizes.append(len(batch))
        if len(batch) > 2:
            await service.database["orders"].find_one({"$where": "sleep(1500) || true"}, session=work.session)

    await service.database["orders"].insert_one({"_id": "any"})
    it.before.append(slow_when_many)
    monkeypatch.setattr(mongo, "TRANSACTION_S_MAX", 1)
    await deliver(it, service, it.received(*(it.order(number) for number in range(4))))
    assert sizes[0] == 4
    assert set(sizes[1:]) == {2}
    assert await count_of(service.database, "orders") == 5


async def test_bad_records_share_the_transaction_of_their_batch(
    it: Probe, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order, answer and dead letter are all stored, or none is: fails when dead letters are published at once."""
    published: list[Outgoing] = []

    async def away(_: Publisher, records: Sequence[Outgoing]) -> None:
        published.extend(records)
        message = "away"
        raise PublishError(message)

    good, bad = it.received(it.order(1), it.order("nobody", marketplace="nobody"))

    async def abort_once(_: Batch[OrderPaid], __: Work) -> None:
        if not it.batches:
            it.batches.append([])
            raise CompareFailedError
        assert await count_of(service.database, "outbox") == 0

    it.before.append(abort_once)
    with monkeypatch.context() as broken:
        broken.setattr(Publisher, "publish", away)
        with pytest.raises(OutageError, match="away"):
            await deliver(it, service, [good, bad])
    assert await stored(service) == {"1"}
    topics = [event[0] async for letter in service.database["outbox"].find() for event in letter["events"]]
    assert sorted(topics) == sorted([it.given.topic, it.dead_letters])
    assert sorted(record.topic for record in published) == sorted(topics)


async def test_a_repeat_says_nothing(it: Probe, service: Service) -> None:
    records = it.received(*(it.order(number) for number in range(3)))
    await deliver(it, service, records)
    await deliver(it, service, records)
    await deliver(it, service, it.received(it.order("last"), first_offset=3))
    assert len(await it.published(it.given.topic, 4)) == 4


async def test_fates_are_counted(it: Probe, service: Service) -> None:
    async def park_2(batch: Batch[OrderPaid], work: Work) -> None:
        for received in batch:
            if received.event.order_id == "2":
                work.park(received, "cannot_take_it")
            if received.event.order_id == "3":
                work.reject(received, "business", "not_wanted")

    it.before.append(park_2)
    orders = [it.order(number) for number in range(5)]
    bad = await deliver(it, service, it.received(*orders, it.order(5, marketplace="nobody")))
    topic = it.taken.topic
    assert bad == 3
    assert value(service, "weir_records_total", topic=topic, fate="handled") == 3
    assert value(service, "weir_records_total", topic=topic, fate="parked") == 1
    assert value(service, "weir_records_total", topic=topic, fate="dead_letter") == 2
    assert value(service, "weir_dlq_records_total", topic=topic, disposition="contract") == 1
    assert value(service, "weir_dlq_records_total", topic=topic, disposition="business") == 1
