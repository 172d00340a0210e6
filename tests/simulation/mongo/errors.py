"""The driver's errors, as the real ones are: class, code and labels."""

from typing import Any

from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from tests.simulation.mongo.rows import DuplicateError

TRANSIENT = "TransientTransactionError"
UNKNOWN_COMMIT = "UnknownTransactionCommitResult"
WRITE_CONFLICT = 112
NO_SUCH_TRANSACTION = 251


def transient(code: int) -> OperationFailure:
    """Return what a statement of an aborted transaction answers."""
    names = {WRITE_CONFLICT: "WriteConflict", NO_SUCH_TRANSACTION: "NoSuchTransaction"}
    details = {"ok": 0.0, "errmsg": names[code], "code": code, "codeName": names[code], "errorLabels": [TRANSIENT]}
    return OperationFailure(names[code], code, details)


def duplicate(error: DuplicateError) -> DuplicateKeyError:
    """Return what a single write answers."""
    return DuplicateKeyError(_message(error), 11000, _write_error(error, 0))


def bulk(error: DuplicateError, number: int, counts: dict[str, Any]) -> BulkWriteError:
    """Return what a bulk write answers when its write `number` fails."""
    failed = {**counts, "writeErrors": [_write_error(error, number)], "writeConcernErrors": []}
    return BulkWriteError(failed)


def cut(label: str | None = None) -> PyMongoError:
    """Return what the driver says when the line breaks."""
    error = AutoReconnect("connection closed")
    if label is not None:
        error._add_error_label(label)  # noqa: SLF001 - as the driver does
    return error


def away(label: str | None = None) -> PyMongoError:
    """Return what the driver says when no primary is found."""
    error = ServerSelectionTimeoutError("no primary")
    if label is not None:
        error._add_error_label(label)  # noqa: SLF001 - as the driver does
    return error


def _write_error(error: DuplicateError, number: int) -> dict[str, Any]:
    pattern = dict.fromkeys(error.key, 1)
    return {
        "index": number,
        "code": 11000,
        "errmsg": _message(error),
        "keyPattern": pattern,
        "keyValue": error.key,
    }


def _message(error: DuplicateError) -> str:
    return f"E11000 duplicate key error index: {error.index} dup key: {error.key}"
