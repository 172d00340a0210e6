"""Both MongoDBs and both Kafkas under one roof: what a contract test needs to ask each of them the same."""

import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.errors import BulkWriteError, PyMongoError
from tests.simulation.mongo.driver import Client, Server
from tests.simulation.weather import Weather

from shared.mongo import UP, Index

INDEXES: Final[dict[str, list[Index]]] = {
    "plain": [],
    "other": [],
    "legs": [Index([("open", UP)], unique=True, partial={"open": {"$gt": ""}})],
}
"""The one unique index is like that of payments' legs: over a list, of documents that have one."""

type Answer = tuple[Any, ...]

type Database = Any
"""A database of either engine: Motor's, or the one in memory; so are these two."""

type Collection = Any
type Session = Any


def in_memory(weather: Weather | None = None) -> Any:  # noqa: ANN401 - stands for Motor's client
    """Return a client of a MongoDB in memory, whose database `contract` has the collections above."""
    server = Server(lambda: datetime.now(UTC), time.monotonic)
    server.store("contract").declare(INDEXES)
    return Client(server, weather or Weather())


async def told(asked: Awaitable[Any]) -> Answer:
    """Return what an engine answers: its answer, or class, code and labels of its error."""
    try:
        return "done", plain(await asked)
    except PyMongoError as error:
        labels = [
            it for it in ("TransientTransactionError", "UnknownTransactionCommitResult") if error.has_error_label(it)
        ]
        code = getattr(error, "code", None)
        if isinstance(error, BulkWriteError):
            return type(error).__name__, code, labels, _bulk(error.details)
        return type(error).__name__, code, labels


def plain(answer: Any) -> Any:  # noqa: ANN401 - results of many kinds
    """Return the parts of a result that mean something."""
    if hasattr(answer, "bulk_api_result"):
        return _bulk(answer.bulk_api_result)
    if hasattr(answer, "upserted_id"):
        return answer.matched_count, answer.modified_count, answer.upserted_id
    if hasattr(answer, "deleted_count"):
        return answer.deleted_count
    if hasattr(answer, "inserted_id"):
        return answer.inserted_id
    return answer


def _bulk(result: Any) -> dict[str, Any]:  # noqa: ANN401 - the driver's dictionary
    failed = [(it["index"], it["code"], it["keyPattern"], it["keyValue"]) for it in result["writeErrors"]]
    return {name: value for name, value in result.items() if name.startswith(("n", "up"))} | {"failed": failed}
