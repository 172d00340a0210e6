"""The connection, and one transaction per request. What is read and written is decided elsewhere.

All requests that change one account queue behind its lock: this process is the only writer, so they do not conflict.
The lock only saves work: with a second writer, a conflict runs the request again on what is there then.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from weakref import WeakValueDictionary

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorClientSession, AsyncIOMotorDatabase
from pymongo import ReadPreference, WriteConcern
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.synchronous.pool import Connection as Pooled

from sandbox.domain.books import BALANCE_MINOR_MAX

type Document = dict[str, Any]
type Client = AsyncIOMotorClient[Document]
type Database = AsyncIOMotorDatabase[Document]
type Session = AsyncIOMotorClientSession
StoreError = PyMongoError

SERVER_SELECTION_TIMEOUT_MS: Final = 5_000
SOCKET_TIMEOUT_MS: Final = 30_000
ATTEMPTS_MAX: Final = 6
BACKOFF_S_MAX: Final = 0.5
_BACKOFF_S: Final = 0.01

_DURABLE: Final = WriteConcern(w="majority", j=True)
_COMMIT_UNKNOWN: Final = "UnknownTransactionCommitResult"
_DUPLICATE_KEY: Final = 11000
_NAMESPACE_EXISTS: Final = 48
_DOCUMENT_INVALID: Final = 121

_BALANCE: Final = {"balance_minor": {"$gte": 0, "$lte": BALANCE_MINOR_MAX}}
COLLECTIONS: Final[Mapping[str, Document]] = {
    "payments": {},
    "funds": {},
    "transfers": {},
    "faults": {},
    "pockets": {"validator": _BALANCE},
}
"""Every query goes by `_id`, which begins with the account. The validator holds the law even against a mistake here."""


class AccountBusyError(Exception):
    """Too many conflicts on one account; nothing was done."""


class BalanceOutOfRangeError(Exception):
    """A balance would leave what the books can hold; nothing was done."""


class OutcomeUnknownError(Exception):
    """The connection broke while committing: it may have been done, and repeating the request will tell."""


class Connection:
    """The institution's database."""

    def __init__(self, url: str, name: str) -> None:
        # PyMongo refuses sessions, for ever, on a connection opened while the server was being elected. Weir's kit does
        # the same (handshake); the institution imports nothing of it.
        Pooled.supports_sessions = property(_takes_sessions, lambda _, __: None)  # type: ignore[assignment]
        self._client: Client = AsyncIOMotorClient(
            url,
            tz_aware=True,
            serverSelectionTimeoutMS=SERVER_SELECTION_TIMEOUT_MS,
            socketTimeoutMS=SOCKET_TIMEOUT_MS,
        )
        self.database: Database = self._client.get_database(
            name, read_concern=ReadConcern("majority"), write_concern=_DURABLE, read_preference=ReadPreference.PRIMARY
        )
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self) -> None:
        """Make the collections, so that no transaction has to make one."""
        if "setName" not in await self._client.admin.command("hello"):
            message = "SANDBOX_MONGO_URL must name a replica set: a standalone MongoDB has no transactions"
            raise RuntimeError(message)
        existing = set(await self.database.list_collection_names())
        for collection, options in COLLECTIONS.items():
            if collection in existing:
                continue
            try:
                await self.database.create_collection(collection, **options)
            except OperationFailure as error:
                if error.code != _NAMESPACE_EXISTS:
                    raise

    async def is_ready(self) -> bool:
        """Tell whether the database can be written."""
        try:
            answer = await self._client.admin.command("hello")
        except PyMongoError:
            return False
        return bool(answer.get("isWritablePrimary"))

    async def transact[T](self, account: str, decide: Callable[[Session], Awaitable[T]]) -> T:
        """Run `decide` in one transaction, again from scratch when somebody else wrote first.

        Everything is idempotent by the caller's number, so that an unknown commit is simply run again too.

        Raises:
            AccountBusyError: there were too many conflicts.
            BalanceOutOfRangeError: the books cannot hold the outcome.
            OutcomeUnknownError: nobody can tell now whether it was done.
            StoreError: the database cannot be reached; nothing was done.

        """
        async with self._locks.setdefault(account, asyncio.Lock()):
            maybe_done = False
            for attempt in range(ATTEMPTS_MAX):
                try:
                    return await self._once(decide)
                except PyMongoError as error:
                    maybe_done |= error.has_error_label(_COMMIT_UNKNOWN)
                    if maybe_done and isinstance(error, ConnectionFailure):
                        raise OutcomeUnknownError from error
                    _raise_unless_passing(error)
                await asyncio.sleep(min(BACKOFF_S_MAX, _BACKOFF_S * 2**attempt) * random.random())  # noqa: S311 - jitter
        raise OutcomeUnknownError if maybe_done else AccountBusyError

    async def _once[T](self, decide: Callable[[Session], Awaitable[T]]) -> T:
        async with (
            await self._client.start_session() as session,
            session.start_transaction(ReadConcern("snapshot"), _DURABLE, ReadPreference.PRIMARY),
        ):
            return await decide(session)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


def _takes_sessions(connection: Any) -> bool:  # noqa: ANN401 - the driver's own type
    return getattr(connection, "logical_session_timeout_minutes", None) is not None


def _raise_unless_passing(error: PyMongoError) -> None:
    codes = {getattr(error, "code", None)}
    if isinstance(error, BulkWriteError):
        codes |= {problem.get("code") for problem in error.details.get("writeErrors", [])}
    if _DOCUMENT_INVALID in codes:
        raise BalanceOutOfRangeError from error
    passing = error.has_error_label("TransientTransactionError") or error.has_error_label(_COMMIT_UNKNOWN)
    if isinstance(error, ConnectionFailure):
        raise error  # an outage: the caller asks again, rather than wait here
    if not (passing or isinstance(error, DuplicateKeyError) or _DUPLICATE_KEY in codes):
        raise error
