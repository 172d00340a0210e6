"""The server's side of MongoDB in memory: versions of documents, snapshots, write conflicts, unique keys.

Whoever commits first wins; another who writes the same document meanwhile is told at once (as WiredTiger does).
Documents are kept as BSON, so that what comes back is what the real one gives back.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from tests.simulation.mongo.changes import Update, changed, seed_of
from tests.simulation.mongo.rows import (
    Busy,
    Change,
    ConflictError,
    DuplicateError,
    GoneError,
    Row,
    Table,
    Transaction,
    Version,
)
from tests.simulation.mongo.values import Document, at, matches, rank

from shared.mongo import Index

TRANSACTION_S_MAX: Final = 15.0
"""How long a transaction may stay open (`transactionLifetimeLimitSeconds`, ops.runtime.mongod)."""

_AWARE: Final[CodecOptions[Document]] = CodecOptions(tz_aware=True, tzinfo=UTC)


type Onlooker = Callable[[list[Change], list[Any]], None]


class Store:
    """One database. Every method is one instant."""

    def __init__(self, name: str, clock: Callable[[], datetime], seconds: Callable[[], float]) -> None:
        self.name = name
        self.clock = clock
        self.tables: dict[str, Table] = {}
        self.onlookers: list[Onlooker] = []
        self._seconds = seconds
        self._commits = 0
        self._open: set[Transaction] = set()
        self._ids = itertools.count(1)

    def table(self, name: str) -> Table:
        """Return a collection, made when missing."""
        found = self.tables.get(name)
        if found is None:
            found = self.tables[name] = Table(name)
        return found

    def declare(self, indexes: Mapping[str, Iterable[Index]]) -> None:
        """Make collections; of indexes only unique ones mean something here."""
        for name, wanted in indexes.items():
            table = self.table(name)
            table.unique = [("_".join(f"{path}_{way}" for path, way in it.keys), it) for it in wanted if it.unique]

    def new_id(self) -> bson.ObjectId:
        """Return an `_id` as the driver makes it: later ones of one process sort behind."""
        return bson.ObjectId(f"{next(self._ids):024x}")

    def begin(self) -> Transaction:
        """Open a transaction."""
        for holder in [*self._open]:
            self._give_up_old(holder)
        transaction = Transaction(self._seconds())
        self._open.add(transaction)
        return transaction

    def documents(self, table: Table, query: Mapping[str, Any], transaction: Transaction | None) -> list[Version]:
        """Return what a query finds: in the transaction's snapshot with its own writes, else what is committed."""
        snapshot = self._snapshot(transaction)
        own = {key: it for (of, key), it in transaction.writes.items() if of is table} if transaction else {}
        found: list[Version] = []
        for key in self._candidates(table, query, own):
            version = own.get(key)
            if version is None:
                row = table.rows.get(key)
                version = row.seen(snapshot) if row else None
            if version is not None and version.raw is not None and matches(version.view, query, self.clock()):
                found.append(version)
        return found

    def insert(self, table: Table, document: Document, transaction: Transaction | None) -> None:
        """Add a document, which has its `_id`."""
        self._snapshot(transaction)
        self._write(table, document["_id"], bson.encode(document), transaction, new=True)

    def update(
        self, table: Table, query: Mapping[str, Any], update: Update, transaction: Transaction | None, *, upsert: bool
    ) -> tuple[int, int, Any, Document | None]:
        """Change the first document that matches; return (matched, modified, upserted id, document after)."""
        found = self.documents(table, query, transaction)
        if found:
            before = found[0]
            after = changed(decoded(before), update, self.clock())
            raw = bson.encode(after)
            if raw == before.raw:
                return 1, 0, None, after
            self._write(table, before.view["_id"], raw, transaction)
            return 1, 1, None, after
        if not upsert:
            return 0, 0, None, None
        made = changed(seed_of(query), update, self.clock(), inserting=True)
        made = {"_id": made.get("_id", self.new_id()), **made}
        self.insert(table, made, transaction)
        return 0, 0, made["_id"], made

    def delete(self, table: Table, query: Mapping[str, Any], transaction: Transaction | None) -> int:
        """Remove the first document that matches; return how many."""
        found = self.documents(table, query, transaction)
        if found:
            self._write(table, found[0].view["_id"], None, transaction)
        return min(1, len(found))

    def commit(self, transaction: Transaction) -> None:
        """Let everybody see what a transaction wrote; doing it again changes nothing."""
        if transaction.state == "committed":
            return
        self.check(transaction)
        transaction.state = "committed"
        self._open.discard(transaction)
        self._commits += 1
        changes = []
        for (table, key), version in transaction.writes.items():
            row = table.rows[key]
            row.holder = None
            changes.append(self._settle(table, key, row, version))
        self._tell(changes, transaction.notes)

    def abort(self, transaction: Transaction) -> None:
        """Forget what a transaction wrote."""
        if transaction.state != "open":
            return
        transaction.state = "aborted"
        self._open.discard(transaction)
        for table, key in transaction.writes:
            row = table.rows[key]
            row.holder = None
            if not row.versions:
                del table.rows[key]

    def check(self, transaction: Transaction) -> None:
        """Raise GoneError unless the transaction is open and young enough."""
        if self._seconds() - transaction.began > TRANSACTION_S_MAX:
            self.abort(transaction)
        if transaction.state != "open":
            raise GoneError

    def _snapshot(self, transaction: Transaction | None) -> int | None:
        if transaction is None:
            return None
        self.check(transaction)
        if transaction.snapshot is None:
            transaction.snapshot = self._commits
        return transaction.snapshot

    def _candidates(self, table: Table, query: Mapping[str, Any], own: Mapping[Any, Version]) -> Iterable[Any]:
        wanted = query.get("_id")
        if type(wanted) is dict:
            if "$in" in wanted:
                return sorted(set(wanted["$in"]), key=lambda it: (rank(it), it))  # the index is gone through upwards
        elif "_id" in query:
            return (wanted,)
        return [*table.rows, *(key for key in own if key not in table.rows)]

    def _write(
        self,
        table: Table,
        key: Any,  # noqa: ANN401 - any BSON value
        raw: bytes | None,
        transaction: Transaction | None,
        *,
        new: bool = False,
    ) -> None:
        row = table.rows.get(key) or Row()
        if row.holder is not None and row.holder is not transaction:
            self._give_up_old(row.holder)
        seen = row.seen(transaction.snapshot if transaction else None)
        if transaction is not None and (table, key) in transaction.writes:
            own = transaction.writes[table, key]
            seen = own if own.raw is not None else None
        if new and seen is not None:
            self._fail(transaction, DuplicateError("_id_", {"_id": key}))
        if row.holder is not None and row.holder is not transaction:
            self._fail(transaction, ConflictError() if transaction else Busy())
        if transaction is not None and row.versions and row.versions[-1].at > (transaction.snapshot or 0):
            self._fail(transaction, ConflictError())
        version = Version(0, raw, bson.decode(raw, _AWARE) if raw is not None else {})
        self._check_unique(table, key, version, transaction)
        table.rows[key] = row
        if transaction is not None:
            row.holder = transaction
            transaction.writes[table, key] = version
            return
        self._commits += 1
        self._tell([self._settle(table, key, row, version)], [])

    def _check_unique(self, table: Table, key: Any, version: Version, transaction: Transaction | None) -> None:  # noqa: ANN401 - any BSON value
        for name, index in table.unique:
            wanted = _entries(index, version, self.clock())
            if not wanted:
                continue
            [(path, _)] = index.keys
            for other, row in table.rows.items():
                if other == key:
                    continue
                own = transaction.writes.get((table, other)) if transaction else None
                seen = own or row.seen(transaction.snapshot if transaction else None)
                taken = wanted & _entries(index, seen, self.clock())
                if taken:
                    self._fail(transaction, DuplicateError(name, {path: min(taken)}))
                pending = row.holder.writes[table, other] if row.holder and row.holder is not transaction else None
                newest = row.versions[-1] if row.versions else None
                if wanted & (_entries(index, pending, self.clock()) | _entries(index, newest, self.clock())):
                    self._fail(transaction, ConflictError() if transaction else Busy())

    def _give_up_old(self, holder: Transaction) -> None:
        if self._seconds() - holder.began > TRANSACTION_S_MAX:
            self.abort(holder)

    def _fail(self, transaction: Transaction | None, error: Exception) -> None:
        if transaction is not None:
            self.abort(transaction)
        raise error

    def _settle(self, table: Table, key: Any, row: Row, version: Version) -> Change:  # noqa: ANN401 - any BSON value
        before = row.seen(None)
        row.versions.append(version._replace(at=self._commits))
        if not self._open:  # nobody reads the past
            del row.versions[:-1]
            if version.raw is None:
                del table.rows[key]
        after = version.view if version.raw is not None else None
        return Change(table.name, before.view if before else None, after)

    def _tell(self, changes: list[Change], notes: list[Any]) -> None:
        for onlooker in self.onlookers:
            onlooker(changes, notes)


def decoded(version: Version) -> Document:
    """Return a copy of a document for whoever asked."""
    return bson.decode(version.raw or b"", _AWARE)


def _entries(index: Index, version: Version | None, now: datetime) -> set[Any]:
    """Return what a document has in a unique index of one field."""
    if version is None or version.raw is None or not matches(version.view, index.partial or {}, now):
        return set()
    [(path, _)] = index.keys
    return {value for value in at(version.view, path) if type(value) is not list}
