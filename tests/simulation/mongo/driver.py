"""The driver's side: the part of Motor's API that Weir uses, as one process's connection to databases in memory."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from pymongo.errors import PyMongoError
from tests.simulation.clock import Process
from tests.simulation.mongo import errors
from tests.simulation.mongo.collection import Collection
from tests.simulation.mongo.rows import Busy, ConflictError, GoneError, Transaction
from tests.simulation.mongo.session import Session
from tests.simulation.mongo.store import Store
from tests.simulation.mongo.values import Document, UnsupportedError
from tests.simulation.weather import Fault, Place, Weather

BUSY_S: Final = 0.02
"""How soon a write outside of a transaction tries again when a transaction holds its document."""


class Server:
    """One replica set: databases, and whose sessions have which transaction."""

    def __init__(self, clock: Callable[[], datetime], seconds: Callable[[], float]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._stores: dict[str, Store] = {}
        self._transactions: dict[bytes, tuple[Store, Transaction]] = {}
        self._ids = itertools.count(1)

    def store(self, name: str) -> Store:
        """Return a database, made when missing."""
        if name not in self._stores:
            self._stores[name] = Store(name, self._clock, self._seconds)
        return self._stores[name]

    def new_session(self) -> bytes:
        """Return the number of a new session."""
        return next(self._ids).to_bytes(16)

    def began(self, session: bytes, store: Store, transaction: Transaction) -> None:
        """Take note of a session's transaction, which ends the one before it."""
        self.kill_sessions([{"id": session}])
        self._transactions[session] = store, transaction

    def kill_sessions(self, sessions: list[Document]) -> None:
        """Abort what these sessions have begun."""
        for session in sessions:
            if found := self._transactions.pop(session["id"], None):
                store, transaction = found
                store.abort(transaction)


class Client:
    """One process's client."""

    def __init__(self, server: Server, weather: Weather, process: Process | None = None) -> None:
        self.server = server
        self.admin = Admin(self)
        self._weather = weather
        self._process = process

    def __getitem__(self, name: str) -> "Database":
        """Return a database."""
        return Database(self, self.server.store(name))

    async def start_session(self) -> Session:
        """Return a new session; nothing is sent for it. The driver may use one again, which ends what it held."""
        return Session(self, self.server.new_session())

    async def send[R](self, place: Place, what: str, effect: Callable[[], R], session: Session | None = None) -> R:
        """Send one request: `effect` is what it does at the server, in one instant."""
        try:
            fault = await self._weather.step(self._process, place, what)
        except asyncio.CancelledError:
            if self._weather.likely(0.5):  # Motor's thread goes on with what it has begun
                with contextlib.suppress(PyMongoError, Busy):
                    _answer(effect)
            raise
        while True:
            try:
                if fault is None:
                    return _answer(effect)
                return await self._wrong(fault, effect, session, commits=place == "commit")
            except Busy:
                await self._weather.pause(BUSY_S)

    async def _wrong[R](self, fault: Fault, effect: Callable[[], R], session: Session | None, *, commits: bool) -> R:
        label = errors.UNKNOWN_COMMIT if commits else errors.TRANSIENT if session is not None else None
        match fault:
            case "away":
                raise errors.away(label)
            case "abort" if session is not None:
                session.server_abort()
            case "lost":
                raise errors.cut(label)
            case "unanswered":
                _answer(effect)
                raise errors.cut(label)
            case "crash_after":
                with contextlib.suppress(PyMongoError):
                    _answer(effect)
                await self._weather.die(self._process)
        return _answer(effect)


class Admin:
    """The admin database."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def command(self, name: str, value: Any = None) -> Document:  # noqa: ANN401 - as Motor has it
        """Run a command."""
        if name == "hello":
            return await self._client.send("outside", name, lambda: {"isWritablePrimary": True, "ok": 1.0})
        if name == "killSessions":
            await self._client.send("outside", name, lambda: self._client.server.kill_sessions(value))
            return {"ok": 1.0}
        raise UnsupportedError(name)


class Database:
    """One database."""

    def __init__(self, client: Client, store: Store) -> None:
        self.client = client
        self.name = store.name
        self._store = store

    def __getitem__(self, name: str) -> Collection:
        """Return a collection."""
        return Collection(self.client, self._store, self._store.table(name))

    def get_collection(self, name: str, *, write_concern: object = None) -> Collection:  # noqa: ARG002 - nothing is lost here
        """Return a collection, whatever its writes wait for."""
        return self[name]

    def __getattr__(self, name: str) -> Collection:
        """Return a collection."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    async def command(self, name: str) -> Document:
        """Run a command."""
        if name != "hello":
            raise UnsupportedError(name)
        return await self.client.send("outside", name, lambda: {"isWritablePrimary": True, "localTime": self._time()})

    def _time(self) -> datetime:
        """Return the server's clock as a command gives it: whole milliseconds, without a zone."""
        now = self._store.clock().replace(tzinfo=None)
        return now - timedelta(microseconds=now.microsecond % 1000)


def _answer[R](effect: Callable[[], R]) -> R:
    try:
        return effect()
    except ConflictError:
        raise errors.transient(errors.WRITE_CONFLICT) from None
    except GoneError:
        raise errors.transient(errors.NO_SUCH_TRANSACTION) from None
