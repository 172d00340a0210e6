"""The door to MongoDB: connections, concerns, indexes, and what an error means. The only module that names the driver.

Motor is the driver that this project's user named; PyMongo's async client replaces it here alone (docs/decisions/0002).
"""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ASCENDING, DESCENDING, IndexModel, ReadPreference, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri

from shared import handshake

__all__ = ["PyMongoError"]

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Session = AsyncIOMotorClientSession

UP: Final = ASCENDING
DOWN: Final = DESCENDING
DUPLICATE_KEY: Final = 11000
WRITE_CONFLICT: Final = 112
SERVER_SELECTION_TIMEOUT_MS: Final = 5_000
SOCKET_TIMEOUT_MS: Final = 30_000
CLOSE_S_MAX: Final = 5.0
TRANSACTION_S_MAX: Final = 45
"""Below the server's own 60 s, so that a slow transaction ends on this side."""

SNAPSHOT: Final = ReadConcern("snapshot")
DURABLE: Final = WriteConcern(w="majority", j=True, wtimeout=TRANSACTION_S_MAX * 1000)

FORGETTABLE: Final = WriteConcern(w=1, j=False)
"""For what a crash may bring back: nobody waits for the disk."""


@dataclass(frozen=True)
class Index:
    """An index that a query needs; a store declares it beside the query.

    `expires_after_s`: MongoDB deletes a document so long after the time in the one field of the index.
    """

    keys: Sequence[tuple[str, int]]
    unique: bool = False
    partial: Mapping[str, Any] | None = None
    expires_after_s: int | None = None

    def model(self) -> IndexModel:
        """Return the driver's form of it."""
        options: dict[str, Any] = {"unique": self.unique}
        if self.partial is not None:
            options["partialFilterExpression"] = dict(self.partial)
        if self.expires_after_s is not None:
            options["expireAfterSeconds"] = self.expires_after_s
        return IndexModel(list(self.keys), **options)


def checked_url(url: str) -> str:
    """Return the URL of a MongoDB as it is; connect to nothing.

    Raises:
        ValueError: the driver would not take it. The driver's own words may hold a piece of the password; these do not.

    """
    if url.startswith("mongodb+srv://"):  # only DNS can tell
        return url
    try:
        parse_uri(url)
    except (PyMongoError, ValueError):
        message = "the driver takes no such URL; user name and password have to be percent-encoded"
        raise ValueError(message) from None
    return url


def connect(url: str) -> Client:
    """Return a client that fails fast when there is no primary and asks for durable writes everywhere."""
    handshake.install()
    return AsyncIOMotorClient(
        url,
        tz_aware=True,
        w="majority",
        journal=True,
        serverSelectionTimeoutMS=SERVER_SELECTION_TIMEOUT_MS,
        socketTimeoutMS=SOCKET_TIMEOUT_MS,
        retryWrites=True,
    )


async def close(client: Client) -> None:
    """Close a client: it takes leave of the server, which may not answer, and the driver blocks while it waits."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.to_thread(client.close), CLOSE_S_MAX)


async def prepare(database: Database, indexes: Mapping[str, Sequence[Index]]) -> None:
    """Make the collections and indexes of a store, so that no transaction has to make one."""
    existing = set(await database.list_collection_names())
    for collection, wanted in indexes.items():
        if collection not in existing:
            try:
                await database.create_collection(collection)
            except OperationFailure as error:
                if error.code != _NAMESPACE_EXISTS:  # another replica made it meanwhile
                    raise
        if wanted:
            await database[collection].create_indexes([index.model() for index in wanted])


_NAMESPACE_EXISTS: Final = 48
_REFUSED: Final = frozenset({13, 18, 50, 11600, 11601, 11602, 14031})
"""Not authorised, not authenticated, out of time, interrupted, disk full: the store's state, never the data's fault."""


async def by_ids(
    collection: Collection, identities: Iterable[object], session: Session | None = None, fields: Document | None = None
) -> list[Document]:
    """Return those of these documents that are there, in one answer: the driver would ask again after 101 of them."""
    wanted = list(identities)
    if not wanted:
        return []
    cursor = collection.find({"_id": {"$in": wanted}}, fields, session=session, batch_size=len(wanted) + 1)
    return await cursor.to_list(None)


def start_transaction(session: Session) -> Any:  # noqa: ANN401 - the driver's context manager has no public name
    """Start a transaction with the concerns that the delivery guarantee rests on (architecture.md)."""
    return session.start_transaction(
        read_concern=SNAPSHOT,
        write_concern=DURABLE,
        read_preference=ReadPreference.PRIMARY,
        max_commit_time_ms=TRANSACTION_S_MAX * 1000,
    )


def identity_of(session: Session) -> Document:
    """Return what the server knows a session by."""
    return dict(session.session_id)  # type: ignore[call-overload, no-any-return] # Motor's hints take it for a method


async def end_sessions(client: Client, sessions: Sequence[Document]) -> None:
    """Undo what sessions that were cut off have begun: their transactions would block others for up to 60 s."""
    with contextlib.suppress(OperationFailure):  # it only saves time
        await client.admin.command("killSessions", list(sessions))


def is_outage(error: BaseException) -> bool:
    """Tell whether MongoDB could not be reached or did not answer: wait, nothing is wrong with the data."""
    if isinstance(error, ConnectionFailure | WTimeoutError | ExecutionTimeout):
        return True
    if isinstance(error, OperationFailure) and error.code in _REFUSED:
        return True
    return isinstance(error, PyMongoError) and error.has_error_label("RetryableWriteError")


def is_conflict(error: BaseException) -> bool:
    """Tell whether somebody else wrote first: run the whole unit again on what is there now."""
    if is_duplicate(error) or WRITE_CONFLICT in _write_errors(error):
        return True
    return isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")


def is_duplicate(error: BaseException) -> bool:
    """Tell whether a unique key exists already."""
    return isinstance(error, DuplicateKeyError) or DUPLICATE_KEY in _write_errors(error)


def _write_errors(error: BaseException) -> set[Any]:
    if not isinstance(error, BulkWriteError):
        return set()
    return {problem.get("code") for problem in (error.details or {}).get("writeErrors", [])}


def is_commit_unknown(error: BaseException) -> bool:
    """Tell whether a commit may or may not have happened: send the same commit again."""
    return isinstance(error, PyMongoError) and error.has_error_label("UnknownTransactionCommitResult")


async def is_primary(client: Client) -> bool:
    """Tell whether the replica set has a primary that answers."""
    try:
        answer = await client.admin.command("hello")
    except PyMongoError:
        return False
    return bool(answer.get("isWritablePrimary"))
