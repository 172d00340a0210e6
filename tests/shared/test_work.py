"""A unit of work writes all of it or nothing, in a stated order, and notices when what it read has changed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.shared.probe import Probe, count_of

from shared.commits import Commits, ConflictError
from shared.mongo import Document
from shared.service import Service
from shared.work import TooLargeError, Work

pytestmark = pytest.mark.infra


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


async def commit(commits: Commits, change: Any, group: str = "api") -> Work:  # noqa: ANN401 - any function of a Work
    async def decide(work: Work) -> None:
        change(work)

    _, work, _ = await commits.commit(decide, stripe=f"{group}#0", group=group)
    return work


async def orders(service: Service) -> list[Document]:
    return await service.database["orders"].find().sort("_id", 1).to_list(None)


async def test_inserts_come_first_then_changes_in_call_order(service: Service) -> None:
    def change(work: Work) -> None:
        work.update("orders", 1, {"$set": {"state": "a"}})
        work.update("orders", 1, {"$set": {"state": "b"}})
        work.delete("orders", 2)
        work.insert("orders", {"_id": 1})
        work.insert("orders", {"_id": 2})

    await commit(service.commits, change)
    assert await orders(service) == [{"_id": 1, "state": "b"}]


async def test_increments_of_one_document_are_written_as_one(service: Service) -> None:
    def change(work: Work) -> None:
        work.increment("orders", "a", {"x": 1}, {"kind": "new"})
        work.increment("orders", "a", {"x": 2, "y": 5}, {"kind": "other"})
        work.increment("orders", "b", {"x": -3}, {})

    await commit(service.commits, change)
    assert await orders(service) == [{"_id": "a", "x": 3, "y": 5, "kind": "new"}, {"_id": "b", "x": -3}]
    await commit(service.commits, lambda work: work.increment("orders", "a", {"x": 1}, {"kind": "late"}))
    assert (await orders(service))[0] == {"_id": "a", "x": 4, "y": 5, "kind": "new"}


async def test_amounts_given_to_an_increment_are_not_changed(service: Service) -> None:
    amounts = {"x": 1}

    def change(work: Work) -> None:
        work.increment("orders", "a", amounts, {})
        work.increment("orders", "a", amounts, {})

    await commit(service.commits, change)
    assert amounts == {"x": 1}
    assert (await orders(service))[0]["x"] == 2


async def test_an_update_that_matches_nothing_undoes_the_whole_unit(service: Service) -> None:
    """Fails when matches are not counted: a change of a document that is not there would be lost in silence."""

    def change(work: Work) -> None:
        work.insert("orders", {"_id": 1})
        work.increment("orders", "a", {"x": 1}, {})
        work.update("orders", 2, {"$set": {"revision": 5}})
        work.delete("orders", "nobody")

    with pytest.raises(ConflictError, match="orders: 1 of 2 updates matched"):
        await commit(service.commits, change)
    assert await orders(service) == []


async def test_an_upsert_and_a_delete_need_not_match(service: Service) -> None:
    def change(work: Work) -> None:
        work.update("orders", 1, {"$set": {"x": 1}}, upsert=True)
        work.delete("orders", 2)

    await commit(service.commits, change)
    assert await orders(service) == [{"_id": 1, "x": 1}]


@pytest.mark.parametrize("kind", ["insert", "update", "increment", "delete"])
async def test_every_kind_of_write_counts_against_the_limit(service: Service, kind: str) -> None:
    def change(work: Work) -> None:
        for number in range(4_001):
            match kind:
                case "insert":
                    work.insert("orders", {"_id": number})
                case "update":
                    work.update("orders", number, {"$set": {"x": 1}}, upsert=True)
                case "increment":
                    work.increment("orders", str(number), {"x": 1}, {})
                case _:
                    work.delete("orders", number)

    with pytest.raises(TooLargeError, match="4001 documents"):
        await commit(service.commits, change)
    assert await count_of(service.database, "orders") == 0


async def test_an_event_carries_its_origin_so_that_a_crash_can_tell_whose_it_was(it: Probe, service: Service) -> None:
    cause = it.received(it.order(1), first_offset=42)[0]
    event = it.given(**{name: getattr(cause.event, name) for name in cause.event.__struct_fields__})

    def change(work: Work) -> None:
        work.publish(event, cause=cause)
        work.publish(event, origin_time=cause.origin_time)

    group = f"{service.name}.{it.taken.topic}"
    work = await commit(service.commits, change, group)
    of_batch, of_nothing = work.outgoing
    assert (of_batch.origin, of_batch.seq) == ((group, 0), 42)
    assert of_nothing.origin == (group, -1)
    headers: dict[str, Any] = dict(of_batch.headers)
    assert headers["ce_source"] == b"/weir/probe"
    assert headers["ce_origintime"].decode().startswith(cause.origin_time.strftime("%Y-%m-%dT%H:%M:%S"))
    assert dict(of_nothing.headers)["ce_origintime"] == headers["ce_origintime"]


async def test_what_the_clock_replays_of_parked_records_is_of_no_partition(it: Probe, service: Service) -> None:
    """Records of several topics are in one park: their offsets would order what has no order."""
    cause = it.received(it.order(1), first_offset=42)[0]
    event = it.given(**{name: getattr(cause.event, name) for name in cause.event.__struct_fields__})
    work = await commit(service.commits, lambda work: work.publish(event, cause=cause), "clock")
    (of_clock,) = work.outgoing
    assert of_clock.origin == ("clock", -1)
    assert of_clock.seq == int(work.now.timestamp() * 1_000_000)


async def test_events_of_a_unit_are_in_the_order_of_their_records(it: Probe, service: Service) -> None:
    """What cannot be read is rejected before a handler speaks of earlier records. Fails when it is published first."""
    records = it.received(*(it.order(number) for number in range(3)))

    def change(work: Work) -> None:
        work.reject(records[2], "malformed", "not_json")
        work.publish(records[0].event, cause=records[0])
        work.reject(records[1], "business", "not_wanted")

    work = await commit(service.commits, change, f"{service.name}.{it.taken.topic}")
    assert [sent.seq for sent in work.outgoing] == [0, 1, 2]
    [letter] = await service.database["outbox"].find().to_list(None)
    assert [fields[0] for fields in letter["events"]] == [it.taken.topic, it.dead_letters, it.dead_letters]
