"""Outbox documents: bounded, in the order of their origin, and read back as they were."""

from datetime import UTC, datetime

import pytest
from bson import ObjectId
from tests.shared.probe import Probe

from shared import outbox
from shared.outbox import BYTES_PER_DOCUMENT_MAX, EVENTS_PER_DOCUMENT_MAX, Outgoing

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def outgoing(number: int, origin: tuple[str, int] = ("probe.taken", 0), size: int = 10) -> Outgoing:
    return Outgoing("given", str(number).encode(), b"v" * size, [("h", b"x"), ("n", None)], origin, number)


def test_a_document_holds_at_most_100_events_in_order() -> None:
    found = outbox.documents([outgoing(number) for number in range(250)], NOW)
    assert [len(document["events"]) for document in found] == [EVENTS_PER_DOCUMENT_MAX, EVENTS_PER_DOCUMENT_MAX, 50]
    assert [document["seq"] for document in found] == [0, 100, 200]
    assert [event[1] for document in found for event in document["events"]] == [b"%d" % it for it in range(250)]


def test_a_document_stays_far_below_what_mongodb_takes() -> None:
    found = outbox.documents([outgoing(number, size=1_000_000) for number in range(10)], NOW)
    assert [len(document["events"]) for document in found] == [3, 3, 3, 1]
    assert all(document["bytes"] <= BYTES_PER_DOCUMENT_MAX for document in found)


def test_each_origin_has_documents_of_its_own() -> None:
    mixed = [outgoing(0), outgoing(5, ("api", -1)), outgoing(1), outgoing(0, ("probe.taken", 1))]
    found = outbox.documents(mixed, NOW)
    places = [(document["group"], document["partition"], len(document["events"])) for document in found]
    assert places == [("probe.taken", 0, 2), ("api", -1, 1), ("probe.taken", 1, 1)]


def test_headers_count_as_bytes() -> None:
    small = Outgoing("given", b"k", b"v", [], ("api", -1), 0)
    assert Outgoing("given", b"k", b"v", [("h", b"x" * 1_000)], ("api", -1), 0).size > small.size + 1_000


@pytest.mark.infra
async def test_what_is_stored_is_read_back_as_it_was(it: Probe) -> None:
    sent = [outgoing(0), Outgoing("given", None, None, [], ("probe.taken", 0), 1)]
    async with it.resting() as service:
        await service.database[outbox.COLLECTION].insert_many(outbox.documents(sent, NOW))
        [document] = await outbox.left_on(service.database, "probe.taken", [0])
    found = outbox.records(document)
    assert [(one.topic, one.key, one.value, list(one.headers)) for one in found] == [
        (one.topic, one.key, one.value, list(one.headers)) for one in sent
    ]


@pytest.mark.infra
async def test_leftovers_come_in_the_order_of_their_partition_even_within_one_record(it: Probe) -> None:
    """Fails when `seq` alone orders them: a record that caused 150 events fills two documents of one `seq`."""
    cause = [Outgoing("given", b"k", b"%03d" % number, [], ("probe.taken", 0), 7) for number in range(150)]
    made = [document | {"_id": ObjectId()} for document in outbox.documents(cause, NOW)]
    later, earlier = outbox.documents([outgoing(8)], NOW), outbox.documents([outgoing(3)], NOW)
    elsewhere = outbox.documents([outgoing(0, ("probe.taken", 1)), outgoing(0, ("other.taken", 0))], NOW)
    async with it.resting() as service:
        await service.database[outbox.COLLECTION].insert_many([*later, *reversed(made), *elsewhere, *earlier])
        found = await outbox.left_on(service.database, "probe.taken", [0])
    assert [document["seq"] for document in found] == [3, 7, 7, 8]
    values = [record.value for document in found[1:3] for record in outbox.records(document)]
    assert values == [b"%03d" % number for number in range(150)]


@pytest.mark.infra
async def test_reading_leftovers_takes_a_bounded_part_of_the_memory(it: Probe) -> None:
    async with it.resting() as service:
        for number in range(12):
            [document] = outbox.documents([outgoing(number, size=900_000)], NOW)
            await service.database[outbox.COLLECTION].insert_one(document)
        found = await outbox.left_on(service.database, "probe.taken", [0])
        assert [document["seq"] for document in found] == list(range(9))
        await outbox.remove(service.database, [document["_id"] for document in found])
        rest = await outbox.left_on(service.database, "probe.taken", [0])
        assert [document["seq"] for document in rest] == [9, 10, 11]
        await outbox.remove(service.database, [])
        assert await outbox.oldest_at(service.database) == NOW
