"""What the driver says when a line breaks: which errors mean that something may have been done."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pymongo import InsertOne
from pymongo.errors import ConnectionFailure, PyMongoError
from tests.simulation.contract import engines
from tests.simulation.contract.conftest import MEMORY, REAL
from tests.simulation.contract.lines import DrawnLine, Line, RealLine

from shared import mongo

LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult")


@pytest.fixture(params=[MEMORY, pytest.param(REAL, marks=pytest.mark.infra)])
async def lined(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Any, Line]]:
    """Return a database, and the line to it."""
    monkeypatch.setattr(mongo, "SERVER_SELECTION_TIMEOUT_MS", 1_000)
    if request.param == MEMORY:
        drawn = DrawnLine()
        yield engines.in_memory(drawn)["contract"], drawn
        return
    parts = urlsplit(request.getfixturevalue("mongo_url"))
    line = RealLine(parts.hostname or "127.0.0.1", parts.port or 27017)
    await line.join()
    client = mongo.connect(f"mongodb://127.0.0.1:{line.port}/?directConnection=true")
    database = client[request.getfixturevalue("database_name")]
    await mongo.prepare(database, engines.INDEXES)
    yield database, line
    await line.mend()
    await mongo.close(client)  # in a thread: it takes leave through the line, which is of this loop
    await line.cut()


async def broken(line: Line, how: str) -> None:
    await (line.cut() if how == "before" else line.deafen())


async def mended(database: engines.Database, line: Line) -> None:
    """Mend the line, and wait until the driver has found out."""
    await line.mend()
    async with asyncio.timeout(20):
        while (await engines.told(database.plain.count_documents({})))[0] != "done":  # noqa: ASYNC110 - is at a server
            await asyncio.sleep(0.05)


def labels_of(error: PyMongoError) -> list[str]:
    return [it for it in LABELS if error.has_error_label(it)]


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_commit_without_an_answer_is_unknown_and_the_same_again_tells(
    lined: tuple[Any, Line], how: str
) -> None:
    database, line = lined
    async with await database.client.start_session() as session, mongo.start_transaction(session):
        await database.plain.bulk_write([InsertOne({"_id": 1})], session=session)
        await broken(line, how)
        with pytest.raises(ConnectionFailure) as caught:
            await session.commit_transaction()
        assert labels_of(caught.value) == ["UnknownTransactionCommitResult"]
        await mended(database, line)
        assert await database.plain.count_documents({}) == (0 if how == "before" else 1)
        await session.commit_transaction()
    assert await database.plain.count_documents({}) == 1


async def interrupted(database: engines.Database, session: engines.Session, line: Line, how: str) -> None:
    async with mongo.start_transaction(session):
        await database.plain.bulk_write([InsertOne({"_id": 1})], session=session)
        await broken(line, how)
        await database.plain.bulk_write([InsertOne({"_id": 2})], session=session)


@pytest.mark.parametrize("how", ["before", "after"])
async def test_a_statement_without_an_answer_fails_its_transaction(lined: tuple[Any, Line], how: str) -> None:
    """Where the line is cut, the server still holds what was written: until the session is killed."""
    database, line = lined
    async with await database.client.start_session() as other:
        mongo.identity_of(other)  # given now: later the driver may give it that of the session that failed
        async with await database.client.start_session() as session:
            begun = mongo.identity_of(session)
            with pytest.raises(ConnectionFailure) as caught:
                await interrupted(database, session, line, how)
        assert labels_of(caught.value) == ["TransientTransactionError"]
        await mended(database, line)
        if how == "before":
            async with mongo.start_transaction(other):
                clash = await engines.told(database.plain.bulk_write([InsertOne({"_id": 1})], session=other))
                assert clash == ("OperationFailure", 112, ["TransientTransactionError"])
                await other.abort_transaction()
        await mongo.end_sessions(database.client, [begun])
        async with mongo.start_transaction(other):
            await database.plain.bulk_write([InsertOne({"_id": 1})], session=other)
    assert await database.plain.count_documents({}) == 1


async def test_a_removal_without_an_answer_is_done(lined: tuple[Any, Line]) -> None:
    database, line = lined
    await database.plain.insert_one({"_id": 1})
    await line.deafen()
    with pytest.raises(ConnectionFailure) as caught:
        await database.plain.delete_many({"_id": {"$in": [1]}})
    assert labels_of(caught.value) == []
    await mended(database, line)
    assert await database.plain.count_documents({}) == 0
