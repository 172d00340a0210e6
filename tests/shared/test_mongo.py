"""The driver's settings on which the delivery guarantee rests, and what its errors mean."""

import asyncio

import pytest
from pymongo import IndexModel
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WTimeoutError,
)
from tests.shared.probe import Probe

from shared import mongo
from shared.mongo import DOWN, UP, Index


def labelled(label: str, error: PyMongoError) -> PyMongoError:
    error._add_error_label(label)  # noqa: SLF001 - as the driver does
    return error


def bulk(code: int) -> BulkWriteError:
    return BulkWriteError({"writeErrors": [{"code": code}]})


@pytest.mark.parametrize(
    ("error", "outage", "conflict"),
    [
        (AutoReconnect(""), True, False),
        (NetworkTimeout(""), True, False),
        (ServerSelectionTimeoutError(""), True, False),
        (NotPrimaryError(""), True, False),
        (WTimeoutError("", 64), True, False),
        (ExecutionTimeout("", 50), True, False),
        (OperationFailure("not authorised", 13), True, False),
        (OperationFailure("out of disk space", 14031), True, False),
        (labelled("RetryableWriteError", OperationFailure("", 91)), True, False),
        (labelled("TransientTransactionError", AutoReconnect("")), True, True),
        (DuplicateKeyError("", 11000), False, True),
        (bulk(11000), False, True),
        (bulk(112), False, True),
        (labelled("TransientTransactionError", OperationFailure("", 112)), False, True),
        (labelled("TransientTransactionError", OperationFailure("", 251)), False, True),
        (bulk(121), False, False),
        (OperationFailure("bad query", 2), False, False),
        # Waiting mends no deployment: it has to be told as a failure. That of an election is prevented (handshake).
        (ConfigurationError("Sessions are not supported by this MongoDB deployment"), False, False),
    ],
)
def test_an_error_is_an_outage_or_a_conflict_or_a_bug(error: PyMongoError, outage: bool, conflict: bool) -> None:  # noqa: FBT001 - a table's columns
    assert mongo.is_outage(error) is outage
    assert mongo.is_conflict(error) is conflict


def test_what_is_no_error_of_mongodb_is_neither() -> None:
    assert not mongo.is_outage(TimeoutError())
    assert not mongo.is_conflict(KeyError())
    assert not mongo.is_commit_unknown(ConnectionError())


def test_an_index_is_given_to_the_driver_as_declared() -> None:
    index = Index([("a", UP), ("b", DOWN)], unique=True, partial={"state": "open"}).model()
    assert isinstance(index, IndexModel)
    assert index.document["key"] == {"a": 1, "b": -1}
    assert index.document["unique"]
    assert index.document["partialFilterExpression"] == {"state": "open"}


@pytest.mark.infra
async def test_writes_are_durable_and_transactions_read_a_snapshot(it: Probe) -> None:
    """Weaker concerns have lost writes that were acknowledged (Jepsen, MongoDB): fails when one is loosened."""
    async with it.resting() as service, await service.client.start_session() as session:
        assert service.database.write_concern.document == {"w": "majority", "j": True}
        async with mongo.start_transaction(session):
            options = session.delegate._transaction.opts  # noqa: SLF001 - what is really sent
            assert options.read_concern.level == "snapshot"
            assert options.write_concern.document["w"] == "majority"
            assert options.write_concern.document["j"] is True
            assert options.read_preference.name == "Primary"


@pytest.mark.infra
async def test_replicas_may_prepare_the_same_database_at_once(it: Probe) -> None:
    indexes = {"orders": [Index([("state", UP)])], "links": []}
    async with it.resting() as service:
        await asyncio.gather(*(mongo.prepare(service.database, indexes) for _ in range(5)))
        assert {"orders", "links"} <= set(await service.database.list_collection_names())
        assert "state_1" in await service.database["orders"].index_information()


@pytest.mark.infra
async def test_it_knows_a_primary_and_its_absence(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo, "SERVER_SELECTION_TIMEOUT_MS", 200)
    async with it.resting() as service:
        assert await mongo.is_primary(service.client)
    nowhere = mongo.connect("mongodb://127.0.0.1:1/")
    assert not await mongo.is_primary(nowhere)
    await mongo.close(nowhere)
