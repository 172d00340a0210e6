"""Transactions: what a snapshot sees, who wins a conflict, and what the loser is told."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.errors import InvalidOperation
from tests.simulation.contract.engines import Answer, Database, Session, in_memory, told

from shared import mongo

CONFLICT = ("OperationFailure", 112, ["TransientTransactionError"])
GONE = ("OperationFailure", 251, ["TransientTransactionError"])
UP_ONE = {"$inc": {"n": 1}}


@contextlib.asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[Any]:
    """Open a transaction as the kit does; leave its end to the test."""
    async with await database.client.start_session() as session, mongo.start_transaction(session):
        yield session


async def see(database: Database, session: Session) -> None:
    """Take the snapshot."""
    await database.plain.find_one({"_id": "nothing"}, session=session)


async def test_a_snapshot_sees_nothing_that_comes_later_and_all_that_it_writes(database: Database) -> None:
    await database.plain.insert_one({"_id": 1, "n": 0})
    async with transaction(database) as session:
        await see(database, session)
        await database.plain.update_one({"_id": 1}, UP_ONE)
        await database.plain.insert_one({"_id": 2})
        assert await database.plain.find({}, session=session).sort("_id").to_list(None) == [{"_id": 1, "n": 0}]
        await database.plain.bulk_write([InsertOne({"_id": 3})], session=session)
        assert [it["_id"] async for it in database.plain.find({}, session=session).sort("_id")] == [1, 3]
        assert await database.plain.count_documents({}, session=session) == 2
        assert await database.plain.count_documents({}) == 2
        await session.commit_transaction()
    assert [it["_id"] async for it in database.plain.find({}).sort("_id")] == [1, 2, 3]


async def test_a_snapshot_is_taken_with_the_first_statement(database: Database) -> None:
    async with transaction(database) as session:
        await database.plain.insert_one({"_id": 1})
        assert await database.plain.count_documents({}, session=session) == 1


WRITES: dict[str, tuple[dict[str, Any], Any]] = {
    "insert": ({}, InsertOne({"_id": 1})),
    "update": ({"_id": 1, "n": 0}, UpdateOne({"_id": 1}, UP_ONE)),
    "upsert": ({}, UpdateOne({"_id": 1}, UP_ONE, upsert=True)),
    "delete": ({"_id": 1, "n": 0}, DeleteOne({"_id": 1})),
}


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("write", WRITES)
async def test_the_second_writer_of_a_document_is_told_at_once_and_has_lost_everything(
    database: Database, write: str, *, ended: bool
) -> None:
    before, operation = WRITES[write]
    if before:
        await database.plain.insert_one(before)
    async with transaction(database) as first, transaction(database) as second:
        await see(database, first)
        await see(database, second)
        await database.plain.bulk_write([operation], session=first)
        if ended:
            await first.commit_transaction()
        assert await told(database.plain.bulk_write([operation], session=second)) == CONFLICT
        assert await told(database.plain.find_one({}, session=second)) == GONE
        assert await told(second.commit_transaction()) == GONE


async def test_what_only_reads_conflicts_with_nobody(database: Database) -> None:
    """Write skew is allowed: so events that must meet write the same document."""
    await database.plain.insert_one({"_id": 1, "n": 0})
    async with transaction(database) as reader, transaction(database) as writer:
        assert (await database.plain.find_one({"_id": 1}, session=reader))["n"] == 0
        await database.plain.bulk_write([UpdateOne({"_id": 1}, UP_ONE)], session=writer)
        await writer.commit_transaction()
        await database.other.bulk_write([InsertOne({"_id": 1})], session=reader)
        await reader.commit_transaction()
    assert await database.other.count_documents({}) == 1


async def test_an_update_that_changes_nothing_conflicts_with_nobody(database: Database) -> None:
    await database.plain.insert_one({"_id": 1, "n": 0})
    async with transaction(database) as first, transaction(database) as second:
        await see(database, first)
        await see(database, second)
        await database.plain.bulk_write([UpdateOne({"_id": 1}, UP_ONE)], session=first)
        same = await database.plain.bulk_write([UpdateOne({"_id": 1}, {"$set": {"n": 0}})], session=second)
        assert (same.matched_count, same.modified_count) == (1, 0)


async def test_a_duplicate_key_aborts_the_transaction_and_names_its_index(database: Database) -> None:
    await database.plain.insert_one({"_id": 1})
    async with transaction(database) as session:
        answer = await told(database.plain.bulk_write([InsertOne({"_id": 0}), InsertOne({"_id": 1})], session=session))
        assert answer[:3] == ("BulkWriteError", 65, [])
        assert answer[3]["failed"] == [(1, 11000, {"_id": 1}, {"_id": 1})]
        assert await told(session.commit_transaction()) == GONE
    assert await database.plain.count_documents({}) == 1


@pytest.mark.parametrize("ended", [False, True])
async def test_a_unique_index_holds_for_what_a_snapshot_sees_and_for_what_it_does_not(
    database: Database, *, ended: bool
) -> None:
    await database.legs.insert_one({"_id": 0, "open": ["seen"]})
    async with transaction(database) as first, transaction(database) as second, transaction(database) as third:
        for session in (first, second, third):
            await see(database, session)
        await database.legs.bulk_write([InsertOne({"_id": 1, "open": ["a", "b"]})], session=first)
        if ended:
            await first.commit_transaction()
        assert await told(database.legs.bulk_write([InsertOne({"_id": 2, "open": ["b"]})], session=second)) == CONFLICT
        clash = await told(database.legs.bulk_write([InsertOne({"_id": 3, "open": ["seen"]})], session=third))
        assert clash[3]["failed"] == [(0, 11000, {"open": 1}, {"open": "seen"})]
        assert await told(second.commit_transaction()) == await told(third.commit_transaction()) == GONE


async def test_a_unique_index_leaves_out_documents_that_are_not_in_it(database: Database) -> None:
    await database.legs.bulk_write([InsertOne({"_id": 1, "open": []}), InsertOne({"_id": 2}), InsertOne({"_id": 3})])
    await database.legs.insert_one({"_id": 4, "open": ["a"]})
    await database.legs.update_one({"_id": 4}, {"$set": {"open": []}})
    await database.legs.insert_one({"_id": 5, "open": ["a"]})
    answer = await told(database.legs.update_one({"_id": 4}, {"$set": {"open": ["a"]}}))
    assert answer == ("DuplicateKeyError", 11000, [])


async def test_a_commit_may_be_repeated_and_an_empty_one_is_nothing(database: Database) -> None:
    async with transaction(database) as session:
        assert session.in_transaction
        await session.commit_transaction()
        await session.commit_transaction()
        assert not session.in_transaction
    async with transaction(database) as session:
        await database.plain.bulk_write([InsertOne({"_id": 1})], session=session)
        await session.commit_transaction()
        await session.commit_transaction()
    async with await database.client.start_session() as session:
        with pytest.raises(InvalidOperation):
            await session.commit_transaction()


async def test_an_exception_in_the_block_aborts_and_its_end_commits(database: Database) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with transaction(database) as session:
            await database.plain.bulk_write([InsertOne({"_id": 1})], session=session)
            raise ZeroDivisionError
    assert await database.plain.count_documents({}) == 0
    async with transaction(database) as session:
        await database.plain.bulk_write([InsertOne({"_id": 2})], session=session)
    assert await database.plain.count_documents({}) == 1


async def test_a_killed_session_has_lost_its_transaction_and_frees_what_it_held(database: Database) -> None:
    async with transaction(database) as session:
        await database.plain.bulk_write([InsertOne({"_id": 1})], session=session)
        await mongo.end_sessions(database.client, [mongo.identity_of(session)])
        assert await told(session.commit_transaction()) == GONE
    async with transaction(database) as session:
        assert (await told(database.plain.bulk_write([InsertOne({"_id": 1})], session=session)))[0] == "done"


async def test_a_write_outside_waits_for_the_transaction_that_holds_the_document(database: Database) -> None:
    await database.plain.insert_one({"_id": 1, "n": 0})
    async with transaction(database) as session:
        await database.plain.bulk_write([UpdateOne({"_id": 1}, UP_ONE)], session=session)
        waiting = asyncio.ensure_future(database.plain.update_one({"_id": 1}, {"$inc": {"n": 10}}))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        await session.commit_transaction()
        await asyncio.wait_for(waiting, 10)
    assert await database.plain.find_one({}) == {"_id": 1, "n": 11}


@pytest.mark.infra
@pytest.mark.parametrize("seed", range(40))
async def test_random_transactions_end_alike_on_both(seed: int, real_database: Database) -> None:
    """Three sessions, four documents, twenty-five statements in one order: each must be answered alike."""
    steps = drawn(random.Random(seed))
    memory, real = await played(in_memory()["contract"], steps), await played(real_database, steps)
    for step, ours, theirs in zip([*steps, "what is left"], memory, real, strict=True):
        assert ours == theirs, step


type Step = tuple[str, int, Any]


def drawn(draw: random.Random) -> list[Step]:
    """Return what which session does, in an order that blocks nobody: writes outside come between transactions."""
    steps: list[Step] = []
    open_sessions: set[int] = set()
    for number in range(25):
        session = draw.randrange(3)
        if session not in open_sessions:
            if not open_sessions and draw.random() < 0.3:
                steps.append(("outside", 0, _write(draw, number)))
                continue
            open_sessions.add(session)
            steps.append(("begin", session, None))
        kind = draw.choice(("read", "read", "write", "write", "write", "bulk", "end"))
        if kind == "read":
            wanted = draw.choice(({}, {"_id": draw.randrange(4)}, {"n": {"$gte": draw.randrange(3)}}))
            steps.append(("read", session, wanted))
        elif kind == "end":
            open_sessions.discard(session)
            steps.append((draw.choice(("commit", "commit", "abort")), session, None))
        else:
            count = 3 if kind == "bulk" else 1
            steps.append(("write", session, [_write(draw, number * 10 + it) for it in range(count)]))
    return steps


def _write(draw: random.Random, number: int) -> tuple[str, Any]:
    key = draw.randrange(4)
    kind = draw.choice(("insert", "update", "update", "upsert", "delete", "same", "leg"))
    change: Any = {"$inc": {"n": 1}, "$set": {"by": number}}
    leg = draw.choice("xyz")
    operations: dict[str, Any] = {
        "insert": lambda: InsertOne({"_id": key, "n": 0, "by": number}),
        "update": lambda: UpdateOne({"_id": key}, change),
        "upsert": lambda: UpdateOne({"_id": key}, change, upsert=True),
        "delete": lambda: DeleteOne({"_id": key}),
        "same": lambda: UpdateOne({"_id": key}, {"$max": {"n": 0}}),
        "leg": lambda: UpdateOne({"_id": key}, {"$set": {"open": [leg]}}, upsert=True),
    }
    return ("legs" if kind == "leg" else "plain"), operations[kind]()


async def played(database: Database, steps: list[Step]) -> list[Answer]:
    """Do all steps in turn; return what was answered."""
    answers: list[Answer] = []
    async with contextlib.AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(await database.client.start_session()) for _ in range(3)]
        for kind, number, given in steps:
            session = sessions[number]
            match kind:
                case "begin":
                    mongo.start_transaction(session)
                    answers.append(("begun",))
                case "read":
                    found = database.plain.find(given, session=session).sort("_id")
                    answers.append(await told(found.to_list(None)))
                case "write":
                    answers.append(await _all(database, given, session))
                case "outside":
                    answers.append(await told(database[given[0]].bulk_write([given[1]])))
                case "commit":
                    answers.append(await told(session.commit_transaction()))
                case "abort":
                    answers.append(await told(session.abort_transaction()))
        answers.append(("left", await database.plain.find({}).sort("_id").to_list(None)))
    return answers


async def _all(database: Database, writes: list[tuple[str, Any]], session: Session) -> Answer:
    collections = {name for name, _ in writes}
    if len(collections) == 1:
        return await told(database[collections.pop()].bulk_write([it for _, it in writes], session=session))
    return tuple([await told(database[name].bulk_write([it], session=session)) for name, it in writes])
