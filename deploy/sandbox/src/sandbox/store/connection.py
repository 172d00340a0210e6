"""The file, and one transaction per request. What is read and written is decided elsewhere.

Requests that change something queue for the one thread that writes, so that no event loop waits for a disk. A second
process on the same file is safe: whoever comes second to `BEGIN IMMEDIATE` waits, and reads only then.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Concatenate, Final

from sandbox.store.tables import prepare

type Session = sqlite3.Connection

READERS: Final = 4
LOCK_TIMEOUT_S: Final = 5.0
CACHE_KIB: Final = 65_536
WAL_PAGES: Final = 16_000
"""64 MiB. Numbers come in no order, so that a page changes often before it is copied from the log into the file."""

_SETTINGS: Final = ("synchronous = FULL", f"cache_size = -{CACHE_KIB}", f"wal_autocheckpoint = {WAL_PAGES}")


class StoreError(Exception):
    """The file cannot be read or written now; nothing was done."""


class BalanceOutOfRangeError(Exception):
    """A balance would leave what the books can hold; nothing was done."""


class OutcomeUnknownError(Exception):
    """The disk failed while committing: it may have been done, and repeating the request will tell."""


class Connection:
    """The institution's file, between `open` and `close`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = _Sessions("writes", 1)
        self._readers = _Sessions("reads", READERS)

    def prepare(self) -> None:
        """Make the file and its tables where they are missing.

        Raises:
            StoreError: this cannot be a file of the institution.

        """
        with _told(), closing(_opened(self._path)) as session:
            (mode,) = session.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                message = f"its file system keeps no write-ahead log (journal mode {mode})"
                raise StoreError(message)
            _transact(session, prepare)

    def open(self) -> None:
        """Open what requests are served from."""
        with _told():
            self._writer.open(self._path)
            self._readers.open(self._path)

    async def is_ready(self) -> bool:
        """Tell whether the file can be locked for writing. That there is room on its disk only a commit tells."""
        try:
            await self.transact(lambda _: None)
        except StoreError:
            return False
        return True

    async def transact[**P, T](
        self, decide: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `decide` in one transaction in the thread that writes. It is on the disk when this returns.

        A caller that is cancelled meanwhile does not stop it: it is done as a whole, or was not begun.

        Raises:
            BalanceOutOfRangeError: the books cannot hold the outcome.
            OutcomeUnknownError: nobody can tell now whether it was done.
            StoreError: the file cannot be used; nothing was done.

        """
        return await self._writer.run(lambda session: _transact(session, lambda it: decide(it, *args, **kwargs)))

    async def read[**P, T](self, query: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query on what is committed.

        Raises:
            StoreError: the file cannot be used.

        """
        return await self._readers.run(lambda session: query(session, *args, **kwargs))

    def close(self) -> None:
        """Finish what was begun, and close the file."""
        self._readers.close()
        self._writer.close()


class _Sessions:
    """Threads, and as many sessions for them."""

    def __init__(self, name: str, count: int) -> None:
        self._threads = ThreadPoolExecutor(count, name)
        self._count = count
        self._idle: list[Session] = []

    def open(self, path: Path) -> None:
        while len(self._idle) < self._count:
            self._idle.append(_opened(path))

    async def run[T](self, use: Callable[[Session], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, use)

    def _run[T](self, use: Callable[[Session], T]) -> T:
        session = self._idle.pop()
        try:
            with _told():
                return use(session)
        finally:
            self._idle.append(session)

    def close(self) -> None:
        self._threads.shutdown()
        while self._idle:
            self._idle.pop().close()


def _opened(path: Path) -> Session:
    # A session goes from thread to thread, but only one has it at a time.
    session = sqlite3.connect(path, timeout=LOCK_TIMEOUT_S, autocommit=True, check_same_thread=False)
    try:
        for setting in _SETTINGS:
            session.execute(f"PRAGMA {setting}")
    except BaseException:
        session.close()
        raise
    return session


def _transact[T](session: Session, decide: Callable[[Session], T]) -> T:
    session.execute("BEGIN IMMEDIATE")
    try:
        answer = decide(session)
        _commit(session)
    except BaseException:
        if session.in_transaction:
            session.execute("ROLLBACK")
        raise
    return answer


def _commit(session: Session) -> None:
    try:
        session.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise  # the log has no end of this transaction
        raise OutcomeUnknownError from error


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong with the file in the words of this module; what is wrong with the program stays what it is."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_CHECK:
            raise BalanceOutOfRangeError from error
        raise
    except sqlite3.DatabaseError as error:
        if type(error) not in (sqlite3.DatabaseError, sqlite3.OperationalError):
            raise
        raise StoreError(str(error)) from error
