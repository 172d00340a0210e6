"""A collection as Motor shows it: reads and writes, one request each."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.results import BulkWriteResult, DeleteResult, InsertOneResult, UpdateResult
from tests.simulation.mongo import errors
from tests.simulation.mongo.changes import Update
from tests.simulation.mongo.rows import DuplicateError, Table, Transaction
from tests.simulation.mongo.session import Session
from tests.simulation.mongo.store import Store, decoded
from tests.simulation.mongo.values import Document, UnsupportedError, in_order, projected
from tests.simulation.weather import Place

if TYPE_CHECKING:
    from tests.simulation.mongo.driver import Client

type Query = Mapping[str, Any]
type Order = Sequence[tuple[str, int]]
type Operation = InsertOne[Document] | UpdateOne | DeleteOne


class Collection:
    """One collection of one database."""

    def __init__(self, client: "Client", store: Store, table: Table) -> None:
        self._client = client
        self._store = store
        self._table = table

    def __getattr__(self, name: str) -> object:
        """Tell of what this one does not have."""
        raise UnsupportedError(name)

    def with_options(self, *, write_concern: object = None) -> "Collection":  # noqa: ARG002 - nothing is lost here
        """Return this collection, whatever its writes wait for."""
        return self

    def find(
        self,
        query: Query | None = None,
        fields: Mapping[str, int] | None = None,
        *,
        session: Session | None = None,
        batch_size: int = 0,  # noqa: ARG002 - an answer is always whole
    ) -> "Cursor":
        """Return a cursor; nothing is sent before its first document is asked for."""
        return Cursor(self, query or {}, fields, session)

    async def find_one(
        self,
        query: Query | None = None,
        fields: Mapping[str, int] | None = None,
        *,
        session: Session | None = None,
        sort: Order = (),
    ) -> Document | None:
        """Return the first document, or None."""
        found = await self.read(query or {}, fields, session, sort, 1)
        return found[0] if found else None

    async def count_documents(self, query: Query, *, session: Session | None = None) -> int:
        """Count."""
        return len(await self.read(query, None, session, (), None))

    async def estimated_document_count(self) -> int:
        """Count what is committed."""
        return len(await self.read({}, None, None, (), None))

    async def read(
        self,
        query: Query,
        fields: Mapping[str, int] | None,
        session: Session | None,
        order: Order,
        limit: int | None,
    ) -> list[Document]:
        """Return copies of the first documents in an order."""
        transaction = self._transaction(session)

        def effect() -> list[Document]:
            found = self._store.documents(self._table, query, transaction)
            if order:
                sorted_views = in_order([it.view for it in found], order)
                by_view = {id(it.view): it for it in found}
                found = [by_view[id(view)] for view in sorted_views]
            return [projected(decoded(it), fields) for it in found[:limit]]

        return await self._send("read", "find", effect, session)

    async def insert_one(self, document: Document, *, session: Session | None = None) -> InsertOneResult:
        """Add a document, which gets an `_id` when it has none."""
        transaction = self._transaction(session)
        document.setdefault("_id", self._store.new_id())
        await self._write("insert", lambda: self._store.insert(self._table, document, transaction), session)
        return InsertOneResult(document["_id"], acknowledged=True)

    async def insert_many(self, documents: Sequence[Document], *, session: Session | None = None) -> None:
        """Add documents, in order."""
        await self.bulk_write([InsertOne(document) for document in documents], session=session)

    async def update_one(
        self, query: Query, update: Update, *, upsert: bool = False, session: Session | None = None
    ) -> UpdateResult:
        """Change the first document that matches."""
        transaction = self._transaction(session)

        def effect() -> UpdateResult:
            matched, modified, upserted, _ = self._store.update(self._table, query, update, transaction, upsert=upsert)
            return _updated(matched, modified, upserted)

        return await self._write("update", effect, session)

    async def update_many(self, query: Query, update: Update, *, session: Session | None = None) -> UpdateResult:
        """Change every document that matches."""
        transaction = self._transaction(session)

        def effect() -> UpdateResult:
            matched = modified = 0
            for version in self._store.documents(self._table, query, transaction):
                key = {**query, "_id": version.view["_id"]}
                once = self._store.update(self._table, key, update, transaction, upsert=False)
                matched, modified = matched + once[0], modified + once[1]
            return _updated(matched, modified, None)

        return await self._write("update_many", effect, session)

    async def delete_many(self, query: Query, *, session: Session | None = None) -> DeleteResult:
        """Remove every document that matches."""
        transaction = self._transaction(session)

        def effect() -> DeleteResult:
            found = self._store.documents(self._table, query, transaction)
            removed = sum(self._store.delete(self._table, {"_id": it.view["_id"]}, transaction) for it in found)
            return DeleteResult({"n": removed, "ok": 1.0}, acknowledged=True)

        return await self._write("delete_many", effect, session)

    async def find_one_and_update(
        self,
        query: Query,
        update: Update,
        *,
        upsert: bool = False,
        return_document: bool = False,
        session: Session | None = None,
    ) -> Document | None:
        """Change the first document that matches, and return it as it is then."""
        if not return_document:
            message = "ReturnDocument.BEFORE"
            raise UnsupportedError(message)
        transaction = self._transaction(session)
        return await self._write(
            "find_one_and_update",
            lambda: self._store.update(self._table, query, update, transaction, upsert=upsert)[3],
            session,
        )

    async def bulk_write(
        self, operations: Sequence[Operation], *, ordered: bool = True, session: Session | None = None
    ) -> BulkWriteResult:
        """Do writes in order, up to the first that fails."""
        if not ordered:
            message = "ordered=False"
            raise UnsupportedError(message)
        transaction = self._transaction(session)
        for operation in operations:
            if isinstance(operation, InsertOne):
                vars_of(operation)["_doc"].setdefault("_id", self._store.new_id())

        def effect() -> BulkWriteResult:
            counts: dict[str, Any] = dict.fromkeys(("nInserted", "nUpserted", "nMatched", "nModified", "nRemoved"), 0)
            counts["upserted"] = []
            for number, operation in enumerate(operations):
                try:
                    self._do(operation, number, counts, transaction)
                except DuplicateError as error:
                    raise errors.bulk(error, number, counts) from None
            return BulkWriteResult({**counts, "writeErrors": [], "writeConcernErrors": []}, acknowledged=True)

        return await self._send("write", "bulk_write", effect, session)

    def _do(self, operation: Operation, number: int, counts: dict[str, Any], transaction: Transaction | None) -> None:
        given = vars_of(operation)
        if isinstance(operation, InsertOne):
            self._store.insert(self._table, given["_doc"], transaction)
            counts["nInserted"] += 1
        elif isinstance(operation, UpdateOne):
            upsert = bool(given["_upsert"])
            result = self._store.update(self._table, given["_filter"], given["_doc"], transaction, upsert=upsert)
            counts["nMatched"] += result[0]
            counts["nModified"] += result[1]
            if result[2] is not None:
                counts["nUpserted"] += 1
                counts["upserted"].append({"index": number, "_id": result[2]})
        else:
            counts["nRemoved"] += self._store.delete(self._table, given["_filter"], transaction)

    def _transaction(self, session: Session | None) -> Transaction | None:
        return session.at(self._store) if session is not None and session.in_transaction else None

    async def _write[R](self, what: str, effect: Callable[[], R], session: Session | None) -> R:
        try:
            return await self._send("write", what, effect, session)
        except DuplicateError as error:
            raise errors.duplicate(error) from None

    async def _send[R](self, place: Place, what: str, effect: Callable[[], R], session: Session | None) -> R:
        inside = session is not None and session.in_transaction
        return await self._client.send(
            place if inside else "outside", f"{self._table.name}.{what}", effect, session if inside else None
        )


class Cursor:
    """The documents of one `find`."""

    def __init__(
        self, collection: Collection, query: Query, fields: Mapping[str, int] | None, session: Session | None
    ) -> None:
        self._collection = collection
        self._query = query
        self._fields = fields
        self._session = session
        self._order: Order = ()
        self._limit: int | None = None
        self._found: list[Document] | None = None

    def sort(self, order: str | Order, direction: int = 1) -> Self:
        """Sort by fields."""
        self._order = [(order, direction)] if isinstance(order, str) else order
        return self

    def limit(self, count: int) -> Self:
        """Stop after so many; 0 is no limit."""
        self._limit = count or None
        return self

    async def to_list(self, length: int | None = None) -> list[Document]:
        """Return the next documents, all for None."""
        await self._fetch()
        found = self._found or []
        self._found = found[len(found) if length is None else length :]
        return found[:length]

    def __aiter__(self) -> Self:
        """Go through the documents."""
        return self

    async def __anext__(self) -> Document:
        """Return the next one."""
        await self._fetch()
        if not self._found:
            raise StopAsyncIteration
        return self._found.pop(0)

    async def _fetch(self) -> None:
        if self._found is None:
            self._found = await self._collection.read(
                self._query, self._fields, self._session, self._order, self._limit
            )


def vars_of(operation: Operation) -> dict[str, Any]:
    """Return what an operation was made of; the driver keeps it in private slots."""
    return {name: getattr(operation, name) for name in ("_doc", "_filter", "_upsert") if hasattr(operation, name)}


def _updated(matched: int, modified: int, upserted: Any) -> UpdateResult:  # noqa: ANN401 - any BSON value
    raw: Document = {"n": matched, "nModified": modified, "ok": 1.0}
    if upserted is not None:
        raw |= {"n": 1, "upserted": upserted}
    return UpdateResult(raw, acknowledged=True)
