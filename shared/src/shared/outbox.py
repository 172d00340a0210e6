"""Events that are committed but perhaps not yet on Kafka. Truth is the set of documents still there, never a cursor.

A document holds up to 100 events of one origin: a partition of a consumer group, or the clock, or the API.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared.mongo import FORGETTABLE, UP, Database, Document, Index

COLLECTION: Final = "outbox"
EVENTS_PER_DOCUMENT_MAX: Final = 100
BYTES_PER_DOCUMENT_MAX: Final = 4_000_000
LEFTOVER_AGE_S: Final = 30
"""How old a document must be before the relay takes it for left behind by a crash."""
UNOWNED: Final = -1
"""The partition of what no record of Kafka caused."""
LEFTOVERS_PER_READ: Final = 100
LEFTOVER_BYTES_PER_READ: Final = 8_000_000

INDEXES: Final = {COLLECTION: [Index([("group", UP), ("partition", UP), ("seq", UP)]), Index([("at", UP)])]}

Headers = Sequence[tuple[str, bytes | None]]


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One record to publish. `origin` is (group, partition); `seq` orders the records of one origin partition.

    `size`: the bytes that count against the limits of a document and a transaction.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    origin: tuple[str, int]
    seq: int
    size: int = 0

    def __post_init__(self) -> None:
        """Count the bytes once."""
        size = len(self.value or b"") + len(self.key or b"") + 50
        for name, content in self.headers:
            size += len(name) + len(content or b"") + 16
        msgspec.structs.force_setattr(self, "size", size)


def documents(outgoing: Iterable[Outgoing], at: datetime) -> list[Document]:
    """Return the outbox documents of one unit of work, in the order of each origin."""
    by_origin: dict[tuple[str, int], list[Document]] = {}
    for record in outgoing:
        chunks = by_origin.setdefault(record.origin, [])
        full = not chunks or len(chunks[-1]["events"]) >= EVENTS_PER_DOCUMENT_MAX
        if full or chunks[-1]["bytes"] + record.size > BYTES_PER_DOCUMENT_MAX:
            group, partition = record.origin
            chunks.append(
                {"group": group, "partition": partition, "seq": record.seq, "at": at, "bytes": 0, "events": []}
            )
        chunks[-1]["bytes"] += record.size
        chunks[-1]["events"].append([record.topic, record.key, record.value, [list(h) for h in record.headers]])
    return [chunk for chunks in by_origin.values() for chunk in chunks]


def records(document: Document) -> list[Outgoing]:
    """Return the records of an outbox document, in order."""
    origin = (document["group"], document["partition"])
    return [
        Outgoing(topic, key, value, [(name, content) for name, content in headers], origin, document["seq"])
        for topic, key, value, headers in document["events"]
    ]


async def left_on(database: Database, group: str, partitions: Sequence[int]) -> list[Document]:
    """Return up to 100 documents or 8 MB that a crash left on these partitions, in the order they were made."""
    query = {"group": group, "partition": {"$in": list(partitions)}}
    return await _some(database, query, [("seq", UP), ("_id", UP)])


async def any_left_on(database: Database, group: str, partitions: Iterable[int]) -> bool:
    """Tell whether an event of these partitions is committed and perhaps not on Kafka: by now, not in a snapshot."""
    query = {"group": group, "partition": {"$in": list(partitions)}}
    return await database[COLLECTION].find_one(query, {"_id": 1}) is not None


async def left_behind(database: Database, *, age_s: int = LEFTOVER_AGE_S, unowned: bool = False) -> list[Document]:
    """Return up to 100 documents or 8 MB older than `age_s` by MongoDB's clock, oldest first, whoever made them.

    `unowned`: only those of the clock and the API, which no owner of a partition publishes.
    """
    old: Document = {"$expr": {"$lt": ["$at", {"$subtract": ["$$NOW", age_s * 1000]}]}}
    query = old | ({"partition": UNOWNED} if unowned else {})
    return await _some(database, query, [("at", UP), ("seq", UP), ("_id", UP)])


async def _some(database: Database, query: Document, order: Sequence[tuple[str, int]]) -> list[Document]:
    found: list[Document] = []
    size = 0
    async for document in database[COLLECTION].find(query).sort(order).limit(LEFTOVERS_PER_READ):
        found.append(document)
        size += document["bytes"]
        if size > LEFTOVER_BYTES_PER_READ:
            break
    return found


async def remove(database: Database, identities: Sequence[object]) -> None:
    """Forget what is on Kafka now. What a crash brings back is published again, so nobody waits for the disk."""
    if identities:
        await database.get_collection(COLLECTION, write_concern=FORGETTABLE).delete_many(
            {"_id": {"$in": list(identities)}}
        )


async def oldest_at(database: Database) -> datetime | None:
    """Return when the oldest unpublished document was committed; None when the outbox is empty."""
    found = await database[COLLECTION].find_one({}, {"at": 1}, sort=[("at", UP)])
    return found["at"] if found else None
