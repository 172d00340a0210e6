"""All that one unit of work will change: nothing is written until its handler returns, then all of it or nothing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from pymongo import DeleteOne, InsertOne, UpdateOne

from shared import deadletters, envelope, outbox, parking
from shared.messages import Event, encode
from shared.mongo import Database, Document, Session
from shared.outbox import Outgoing
from shared.record import Bad, Disposition, Received

DOCUMENTS_MAX: Final = 4_000
BYTES_MAX: Final = 8_000_000
"""Limits of one transaction (architecture, Delivery guarantee 1); a larger unit is cut at a record boundary."""
EVENT_BYTES_MAX: Final = 1_000_000
"""Key, value and headers of an event: the topics take records of 1 MiB, and would refuse a larger one for ever."""


class CompareFailedError(Exception):
    """A document was not as the unit of work had read it: run the unit again."""


class TooLargeError(Exception):
    """The unit would pass the limits of one transaction: cut it."""


class Work:
    """Collects the writes and events of one unit of work; `session` is its snapshot."""

    def __init__(self, *, service: str, session: Session, stripe: str, group: str, now: datetime) -> None:
        self.session = session
        self.stripe = stripe
        self.now = now
        self.outgoing: list[Outgoing] = []
        self.committed: list[Callable[[], None]] = []
        self.dispositions: list[Disposition] = []
        self._service = service
        self._group = group
        self._inserts: dict[str, list[Document]] = {}
        self._changes: dict[str, list[UpdateOne | DeleteOne]] = {}
        self._increments: dict[str, dict[str, tuple[dict[str, int], Document]]] = {}
        self._expected: dict[str, int] = {}
        self._parked: list[tuple[Received[Event], str]] = []

    def insert(self, collection: str, document: Document) -> None:
        """Add a document; its `_id` existing already makes the unit run again."""
        self._inserts.setdefault(collection, []).append(document)

    def update(self, collection: str, identity: object, change: Document, *, upsert: bool = False) -> None:
        """Change one document, after the inserts, in call order. Without upsert, no match makes the unit run again.

        What it was decided by must have been read through `session`: whoever else has written the document since that
        snapshot makes the unit run again. So nothing is compared here but `_id`, which MongoDB finds at a third of
        the cost of any other filter (docs/benchmarks.md).
        """
        self._changes.setdefault(collection, []).append(UpdateOne({"_id": identity}, change, upsert=upsert))
        self._expected[collection] = self._expected.get(collection, 0) + 1

    def increment(self, collection: str, identity: str, amounts: dict[str, int], on_insert: Document) -> None:
        """Add to the numbers of one document, which is made when missing; all of a unit's are written as one."""
        entry = self._increments.setdefault(collection, {}).get(identity)
        if entry is None:
            self._increments[collection][identity] = (dict(amounts), on_insert)
            return
        for field, amount in amounts.items():
            entry[0][field] = entry[0].get(field, 0) + amount

    def delete(self, collection: str, identity: object) -> None:
        """Remove one document, in order with the updates."""
        self._changes.setdefault(collection, []).append(DeleteOne({"_id": identity}))

    def publish(
        self, event: Event, *, cause: Received[Event] | None = None, origin_time: datetime | None = None
    ) -> None:
        """Send an event once this unit is committed. `origin_time` is its cause's unless given.

        Raises:
            ValueError: it is larger than a topic takes.

        """
        since = origin_time or (cause.origin_time if cause else self.now)
        headers = envelope.headers_of(event, f"/weir/{self._service}", self.now, since)
        origin, seq = self._origin(cause)
        outgoing = Outgoing(event.topic, event.key.encode(), encode(event), headers, origin, seq)
        if outgoing.size > EVENT_BYTES_MAX:
            message = f"{event.topic}: an event of {outgoing.size} bytes cannot be published"
            raise ValueError(message)
        self.outgoing.append(outgoing)

    def reject(self, received: Received[Event] | Bad, disposition: Disposition, reason: str) -> None:
        """Give a record to the dead letters of this service; the rest of its batch goes on."""
        raw = received.raw
        self.dispositions.append(disposition)
        self.outgoing.append(deadletters.letter(raw, self._service, disposition, reason, self.now, self._group))

    def park(self, received: Received[Event], reason: str) -> None:
        """Put a record, and with it all later ones of its aggregate, aside until an operator resolves it."""
        self._parked.append((received, reason))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call this once the unit is committed, such as handing instructions to a lane. It must not block or raise."""
        self.committed.append(callback)

    @property
    def parked(self) -> Sequence[tuple[Received[Event], str]]:
        """The records that this unit parks, and why."""
        return self._parked

    @property
    def bad(self) -> int:
        """How many records this unit gives up: to the dead letters, or to a park for their own sake."""
        return len(self.dispositions) + sum(reason != parking.BEHIND for _, reason in self._parked)

    async def write(self, database: Database) -> list[object]:
        """Write everything inside the session's transaction; return the ids of the outbox documents.

        Raises:
            CompareFailedError: an update matched nothing.
            TooLargeError: more than 4,000 documents or 8 MB.

        """
        await parking.add(self, database, self._parked)
        # What could not be read is rejected before a handler sees the rest: published are all in the order of records.
        self.outgoing.sort(key=lambda it: it.seq)
        letters = outbox.documents(self.outgoing, self.now)
        for letter in letters:
            self.insert(outbox.COLLECTION, letter)
        self._check_size()
        for collection, inserts in self._inserts.items():
            await database[collection].bulk_write([InsertOne(document) for document in inserts], session=self.session)
        # In one order in every process, which that of a set is not: whoever conflicts meets at the first write.
        for collection in dict.fromkeys([*self._changes, *self._increments]):
            await self._change(database, collection)
        return [letter["_id"] for letter in letters]

    async def _change(self, database: Database, collection: str) -> None:
        increments = self._increments.get(collection, {})
        operations = self._changes.get(collection, []) + [
            UpdateOne({"_id": identity}, {"$inc": amounts, "$setOnInsert": on_insert}, upsert=True)
            for identity, (amounts, on_insert) in increments.items()
        ]
        result = await database[collection].bulk_write(operations, session=self.session)
        expected = self._expected.get(collection, 0) + len(increments)
        if result.matched_count + result.upserted_count != expected:
            message = f"{collection}: {result.matched_count + result.upserted_count} of {expected} updates matched"
            raise CompareFailedError(message)

    def _check_size(self) -> None:
        written = sum(len(documents) for documents in self._inserts.values())
        written += sum(len(changes) for changes in self._changes.values())
        written += sum(len(increments) for increments in self._increments.values())
        size = sum(record.size for record in self.outgoing)
        size += sum(_bodies(document) for documents in self._inserts.values() for document in documents)
        if written > DOCUMENTS_MAX or size > BYTES_MAX:
            message = f"{written} documents, {size} bytes of events and bodies in one unit of work"
            raise TooLargeError(message)

    def _origin(self, cause: Received[Event] | None) -> tuple[tuple[str, int], int]:
        """Return where an event comes from, and its place there.

        A parked record that the clock replays is of no partition of the clock's: numbers of several topics would mix.
        """
        if cause is None or not self._group.startswith(f"{self._service}."):
            return (self._group, outbox.UNOWNED), int(self.now.timestamp() * 1_000_000)
        return (self._group, cause.partition), cause.offset


def _bodies(document: Document) -> int:
    """Return the bytes of the bodies in a document: what makes a document large is what came from outside."""
    return sum(len(value) for value in document.values() if isinstance(value, bytes))
