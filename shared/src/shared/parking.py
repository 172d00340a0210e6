"""Parking: an order whose next record cannot be taken waits, with all that follows it, while other orders go on.

`parks` holds one document per aggregate, `parked` its records in arrival order. A release replays them.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from shared import mongo
from shared.messages import Event
from shared.mongo import UP, Database, Document, Index, Session
from shared.record import Raw, Received

if TYPE_CHECKING:
    from shared.work import Work

PARKS: Final = "parks"
PARKED: Final = "parked"
BEHIND: Final = "behind_a_parked_record"
"""The reason of records that are parked for the sake of an earlier one's."""
RECORDS_PER_PARK_MAX: Final = 1_000
PARKS_MAX: Final = 5_000
"""Beyond either limit it is no longer an order with a problem but an outage: the partition is paused."""

INDEXES: Final = {
    PARKS: [Index([("release.requested_at", UP)], partial={"release.requested_at": {"$exists": True}})],
    PARKED: [Index([("aggregate", UP), ("seq", UP)])],
}


class ParkFullError(Exception):
    """A park, or the parking of this service, is full: pause the partition and page."""


async def among(database: Database, aggregates: Iterable[str], session: Session) -> set[str]:
    """Return which of these aggregates are parked, in this snapshot."""
    return {park["_id"] for park in await mongo.by_ids(database[PARKS], aggregates, session, {"_id": 1})}


async def add(work: "Work", database: Database, parked: Sequence[tuple[Received[Event], str]]) -> None:
    """Record what is parked in this unit of work.

    Raises:
        ParkFullError: 1,000 records of one aggregate, or 5,000 aggregates, are parked already.

    """
    if not parked:
        return
    parked = await _not_yet(database, parked, work.session)
    aggregates = {received.event.aggregate for received, _ in parked}
    query = {"_id": {"$in": list(aggregates)}}
    parks = {park["_id"]: park["count"] async for park in database[PARKS].find(query, session=work.session)}
    new = aggregates - parks.keys()
    if new and await database[PARKS].count_documents({}, session=work.session) + len(new) > PARKS_MAX:
        message = f"more than {PARKS_MAX} aggregates are parked"
        raise ParkFullError(message)
    for received, reason in parked:
        aggregate = received.event.aggregate
        seq = parks.get(aggregate, 0)
        if seq >= RECORDS_PER_PARK_MAX:
            message = f"{aggregate}: {RECORDS_PER_PARK_MAX} records are parked"
            raise ParkFullError(message)
        parks[aggregate] = seq + 1
        raw = received.raw
        work.insert(PARKED, _document(raw, aggregate, seq, reason) | {"at": work.now})
        facts: Document = {"marketplace": received.event.marketplace, "reason": reason, "since": work.now}
        work.increment(PARKS, aggregate, {"count": 1}, facts)


async def _not_yet(
    database: Database, parked: Sequence[tuple[Received[Event], str]], session: Session
) -> list[tuple[Received[Event], str]]:
    """Leave out what an earlier delivery of the same batch has parked already."""
    identities = [_identity(received.raw) for received, _ in parked]
    query = {"_id": {"$in": identities}}
    known = {document["_id"] async for document in database[PARKED].find(query, {"_id": 1}, session=session)}
    return [entry for entry, identity in zip(parked, identities, strict=True) if identity not in known]


async def next_of(database: Database, aggregate: str, limit: int, session: Session) -> list[Document]:
    """Return the first parked records of an aggregate, in arrival order."""
    return await database[PARKED].find({"aggregate": aggregate}, session=session).sort("seq", UP).to_list(limit)


def raw_of(document: Document) -> Raw:
    """Return a parked record as it arrived."""
    return Raw(
        document["topic"],
        document["partition"],
        document["offset"],
        document["timestamp_ms"],
        document["key"],
        document["value"],
        [(name, content) for name, content in document["headers"]],
    )


def _identity(raw: Raw) -> str:
    return f"{raw.topic}/{raw.partition}/{raw.offset}"


def _document(raw: Raw, aggregate: str, seq: int, reason: str) -> Document:
    return {
        "_id": _identity(raw),
        "aggregate": aggregate,
        "seq": seq,
        "topic": raw.topic,
        "partition": raw.partition,
        "offset": raw.offset,
        "timestamp_ms": raw.timestamp_ms,
        "key": raw.key,
        "value": raw.value,
        "headers": [list(header) for header in raw.headers],
        "reason": reason,
    }
