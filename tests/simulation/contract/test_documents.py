"""Queries, updates, projections and sorting: each case is asked of the real MongoDB and of the one in memory."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest
from bson import ObjectId
from pymongo import ReturnDocument
from tests.simulation.contract.engines import Collection, Database, in_memory, told
from tests.simulation.mongo.changes import Update
from tests.simulation.mongo.values import UnsupportedError

from shared import leases, outbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EARLY: Final = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
LATE: Final = EARLY + timedelta(days=1)
DOCUMENTS: Final[list[dict[str, Any]]] = [
    {"_id": "a/1", "n": 1, "at": EARLY, "state": "new", "tags": [], "legs": [{"id": "x", "n": 5}, {"id": "y"}]},
    {"_id": "a/2", "n": 2, "at": LATE, "state": "new", "tags": ["p"], "legs": [], "body": b"\x00\xff"},
    {"_id": "b/1", "n": None, "at": None, "state": "done", "tags": ["p", "q"], "deep": {"er": {"n": 7}}},
    {"_id": "b/2", "state": "done", "big": 2**40, "flag": True, "early": [{"body": b"1", "id": "e"}]},
    {"_id": "c", "n": "text", "tags": "p", "at": EARLY - timedelta(days=400), "amounts": {"m%2Ex": 3}},
]
QUERIES: Final[list[dict[str, Any]]] = [
    {},
    {"_id": "a/2"},
    {"_id": "none"},
    {"_id": {"$in": ["c", "a/1", "none", "a/1"]}},
    {"_id": {"$gte": "a/", "$lt": "a0"}},
    {"_id": {"$gt": "a/1"}},
    {"n": None},
    {"n": 1},
    {"n": {"$gt": 1}},
    {"n": {"$gte": 1}},
    {"n": {"$lte": 2}},
    {"n": {"$lt": 2}},
    {"n": {"$ne": 1}},
    {"n": {"$gt": "a"}},
    {"n": {"$in": [2, "text"]}},
    {"n": {"$nin": [2, "text"]}},
    {"n": {"$nin": [None]}},
    {"n": {"$nin": []}},
    {"tags": {"$nin": ["q"]}},
    {"_id": {"$nin": ["c", "a/1"]}, "n": {"$lte": 3}},
    {"n": {"$in": [None]}},
    {"at": {"$gt": EARLY}},
    {"at": {"$gt": datetime(1970, 1, 1, tzinfo=UTC), "$lte": LATE}},
    {"tags": "p"},
    {"tags": []},
    {"tags": ["p", "q"]},
    {"tags": {"$gt": ""}},
    {"tags": {"$in": ["q"]}},
    {"tags.0": {"$exists": True}},
    {"tags.1": "q"},
    {"legs.id": "y"},
    {"legs.n": {"$gte": 5}},
    {"legs.0.id": "x"},
    {"deep.er.n": 7},
    {"deep.er": {"n": 7}},
    {"deep": {"$exists": False}},
    {"big": 2**40},
    {"flag": True},
    {"flag": 1},
    {"body": b"\x00\xff"},
    {"state": "done", "n": None},
    {"$or": [{"n": 2}, {"state": "done", "flag": True}]},
    {"$or": [{"at": {"$gt": EARLY}}, {"at": EARLY, "_id": {"$gt": "a/0"}}]},
    {"$expr": {"$lt": ["$at", {"$subtract": ["$$NOW", 30_000]}]}},
]
PROJECTIONS: Final[list[dict[str, int] | None]] = [
    None,
    {"_id": 1},
    {"n": 1, "state": 1},
    {"_id": 0, "n": 1},
    {"body": 0, "early": 0},
    {"legs.id": 1, "legs.n": 1},
    {"deep.er": 1},
    {"_id": 0},
    {"amounts.m%2Ex": 1, "none": 1},
]
SORTS: Final[list[list[tuple[str, int]]]] = [
    [("_id", 1)],
    [("_id", -1)],
    [("n", 1), ("_id", 1)],
    [("n", -1), ("_id", 1)],
    [("at", 1), ("_id", -1)],
    [("deep.er.n", -1), ("_id", 1)],
]
UPDATES: Final[list[Update]] = [
    {"$set": {"n": 9, "deep.new": [1], "at": LATE + timedelta(microseconds=999)}},
    {"$set": {"legs.0.n": 6}},
    {"$set": {"legs.2.id": "z"}},
    {"$set": {"made.by.path": 1}},
    {"$unset": {"n": "", "deep.er.n": "", "none": ""}},
    {"$inc": {"big": 1, "fresh": 2, "deep.er.n": -3, "amounts.a/b": 5}},
    {"$inc": {"n": 1}},
    {"$max": {"n": 1, "later": 4}},
    {"$max": {"at": LATE}},
    {"$addToSet": {"tags": "p"}},
    {"$addToSet": {"early": {"body": b"1", "id": "e"}}},
    {"$addToSet": {"early": {"id": "e", "body": b"1"}}},
    {"$setOnInsert": {"n": 100}},
    {"$set": {"n": 1}, "$setOnInsert": {"count": 0}},
    {"$set": {"t": (1, "two")}, "$unset": {"state": ""}},
]


async def filled(database: Database) -> Collection:
    await database.plain.insert_many([dict(it) for it in DOCUMENTS])
    return database.plain


@pytest.mark.infra
async def test_both_find_the_same(real_database: Database) -> None:
    memory, real = await filled(in_memory()["contract"]), await filled(real_database)
    for query in QUERIES:
        for fields in PROJECTIONS:
            ours, theirs = [await it.find(query, fields).sort("_id").to_list(None) for it in (memory, real)]
            assert ours == theirs, (query, fields)
            assert [list(it) for it in ours] == [list(it) for it in theirs], (query, fields)
        assert await memory.count_documents(query) == await real.count_documents(query), query
        assert (await memory.find_one(query) is None) == (await real.find_one(query) is None)


@pytest.mark.infra
async def test_both_sort_the_same_and_stop_at_the_limit(real_database: Database) -> None:
    memory, real = await filled(in_memory()["contract"]), await filled(real_database)
    for order in SORTS:
        ours, theirs = [await it.find({}).sort(order).limit(4).to_list(None) for it in (memory, real)]
        assert ours == theirs, order
        ours, theirs = [await it.find({}).sort(order).to_list(2) for it in (memory, real)]
        assert ours == theirs, order
        assert await memory.find_one({}, sort=order) == await real.find_one({}, sort=order), order


@pytest.mark.infra
@pytest.mark.parametrize("update", UPDATES, ids=str)
async def test_both_make_the_same_of_an_update(real_database: Database, update: Update) -> None:
    memory, real = await filled(in_memory()["contract"]), await filled(real_database)
    for it in DOCUMENTS:
        key = {"_id": it["_id"]}
        theirs = await told(real.update_one(key, update))
        if theirs[0] != "WriteError":  # which no change of Weir's may cause: memory does not know it
            assert await told(memory.update_one(key, update)) == theirs, it
    new = {"_id": "new", "kind": "stub"}
    assert await told(memory.update_one(new, update, upsert=True)) == await told(
        real.update_one(new, update, upsert=True)
    )
    assert await memory.find({}).sort("_id").to_list(None) == await real.find({}).sort("_id").to_list(None)


async def test_many_are_changed_and_removed_at_once(database: Database) -> None:
    plain = await filled(database)
    changed = await plain.update_many({"state": "new"}, {"$set": {"n": 2}})
    assert (changed.matched_count, changed.modified_count) == (2, 1)
    assert (await plain.delete_many({"_id": {"$in": ["a/1", "c", "none"]}})).deleted_count == 2
    assert await plain.estimated_document_count() == 3


async def test_what_comes_back_is_the_readers_own_and_as_the_store_keeps_it(database: Database) -> None:
    written = {"_id": 1, "at": EARLY + timedelta(microseconds=7), "list": (1, 2), "body": b"x"}
    await database.plain.insert_one(written)
    found = await database.plain.find_one({})
    assert found == {"_id": 1, "at": EARLY, "list": [1, 2], "body": b"x"}
    assert found["at"].tzinfo is not None
    found["list"].append(3)
    assert (await database.plain.find_one({}))["list"] == [1, 2]


async def test_a_document_without_an_id_gets_one_that_sorts_behind_the_ones_before(database: Database) -> None:
    documents: list[dict[str, Any]] = [{"n": it} for it in range(3)]
    for it in documents:
        await database.plain.insert_one(it)
    assert all(isinstance(it["_id"], ObjectId) for it in documents)
    assert [it["n"] for it in await database.plain.find({}).sort("_id").to_list(None)] == [0, 1, 2]


async def test_a_second_document_of_one_id_is_refused(database: Database) -> None:
    await database.plain.insert_one({"_id": 1})
    assert await told(database.plain.insert_one({"_id": 1})) == ("DuplicateKeyError", 11000, [])


async def test_a_lease_has_one_owner_until_its_time_is_over(database: Database) -> None:
    assert await leases.take(database, "sweep", "one", 0.5)
    assert await leases.take(database, "sweep", "one", 0.5)
    assert not await leases.take(database, "sweep", "other", 0.5)
    await asyncio.sleep(0.6)
    assert await leases.take(database, "sweep", "other", 0.5)


async def test_a_changed_document_is_returned_as_it_is_then(database: Database) -> None:
    first = await database.plain.find_one_and_update(
        {"_id": 1}, [{"$set": {"n": 1}}], upsert=True, return_document=ReturnDocument.AFTER
    )
    again = await database.plain.find_one_and_update(
        {"_id": 1}, {"$inc": {"n": 1}}, return_document=ReturnDocument.AFTER
    )
    assert (first, again) == ({"_id": 1, "n": 1}, {"_id": 1, "n": 2})


async def test_the_clock_is_the_servers_in_whole_milliseconds(database: Database) -> None:
    now = await leases.now(database)
    assert now.microsecond % 1000 == 0
    assert abs(now.timestamp() - time.time()) < 5


async def test_leftovers_are_read_in_their_order_and_left_behind_by_their_age(database: Database) -> None:
    now = await leases.now(database)
    for seq, age_s in ((2, 0), (1, 60), (3, 90)):
        at = now - timedelta(seconds=age_s)
        await database.outbox.insert_one({"group": "g", "partition": 0, "seq": seq, "at": at, "bytes": 1, "events": []})
    assert [it["seq"] for it in await outbox.left_on(database, "g", [0, 1])] == [1, 2, 3]
    assert [it["seq"] for it in await outbox.left_behind(database)] == [3, 1]


async def test_what_memory_does_not_know_is_no_answer() -> None:
    plain = in_memory()["contract"].plain
    await plain.insert_one({"_id": 1})
    questions: list[Callable[[], Awaitable[object]]] = [
        lambda: plain.find({"n": {"$regex": "x"}}).to_list(None),
        lambda: plain.find({"$nor": []}).to_list(None),
        lambda: plain.update_one({"_id": 1}, {"$push": {"n": 1}}),
        lambda: plain.find({"$expr": {"$gt": ["$n", 1]}}).to_list(None),
        lambda: plain.bulk_write([], ordered=False),
    ]
    for asked in questions:
        with pytest.raises(UnsupportedError):
            await asked()
