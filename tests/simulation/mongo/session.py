"""A client's session with its transaction, as the driver keeps it: what may be called when, and what it then says."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from pymongo.errors import ConnectionFailure, InvalidOperation, OperationFailure
from tests.simulation.mongo.rows import Transaction
from tests.simulation.mongo.store import Store

if TYPE_CHECKING:
    from tests.simulation.mongo.driver import Client
    from tests.simulation.mongo.values import Document

State = Literal["none", "starting", "open", "committed", "committed_empty", "aborted"]


class Session:
    """A session. A transaction of it is in one database; Weir's services have one each."""

    def __init__(self, client: "Client", identity: bytes) -> None:
        self.session_id: Document = {"id": identity}
        self.transaction: Transaction | None = None
        self._client = client
        self._store: Store | None = None
        self._state: State = "none"

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and not ended."""
        return self._state in {"starting", "open"}

    def start_transaction(self, **_: Any) -> "_Block":  # noqa: ANN401 - concerns, which memory cannot break
        """Begin a transaction; the block that it is used in commits or aborts it."""
        if self.in_transaction:
            message = "Transaction already in progress"
            raise InvalidOperation(message)
        self._state, self.transaction = "starting", None
        return _Block(self)

    def at(self, store: Store) -> Transaction:
        """Return the server's transaction for the next statement."""
        if self._state == "starting":
            self._state, self._store = "open", store
            self.transaction = store.begin()
            self._client.server.began(self.session_id["id"], store, self.transaction)
        if self.transaction is None or self._store is not store:
            message = "a statement outside of the session's transaction"
            raise InvalidOperation(message)
        return self.transaction

    async def commit_transaction(self) -> None:
        """Commit; calling it again asks again."""
        if self._state == "none":
            message = "No transaction started"
            raise InvalidOperation(message)
        if self._state == "aborted":
            message = "Cannot call commitTransaction after calling abortTransaction"
            raise InvalidOperation(message)
        if self._state in {"starting", "committed_empty"} or self.transaction is None or self._store is None:
            self._state = "committed_empty"
            return
        store, transaction = self._store, self.transaction
        self._state = "open"
        try:
            await self._client.send("commit", "commit", lambda: store.commit(transaction), self)
        except Exception:
            self._state = "committed"
            raise
        self._state = "committed"

    async def abort_transaction(self) -> None:
        """Abort; what goes wrong with it is not told."""
        if self._state == "starting":
            self._state = "aborted"
            return
        if self._state != "open" or self.transaction is None or self._store is None:
            message = "Cannot call abortTransaction now"
            raise InvalidOperation(message)
        store, transaction = self._store, self.transaction
        try:
            await self._client.send("outside", "abort", lambda: store.abort(transaction))
        except (OperationFailure, ConnectionFailure):
            pass
        finally:
            self._state = "aborted"

    def server_abort(self) -> None:
        """Let the server end the transaction by itself."""
        if self._store is not None and self.transaction is not None:
            self._store.abort(self.transaction)

    async def end_session(self) -> None:
        """End; an open transaction is aborted."""
        if self.in_transaction:
            await self.abort_transaction()

    async def __aenter__(self) -> Self:
        """Begin a block that ends the session."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """End the session."""
        await self.end_session()


class _Block:
    """What `start_transaction` returns."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def __aenter__(self) -> Session:
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._session.in_transaction:
            return
        if kind is None:
            await self._session.commit_transaction()
        else:
            await self._session.abort_transaction()
