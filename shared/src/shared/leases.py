"""Leases: of several replicas, one does a periodic job. A lease only saves work; it never guards correctness."""

from datetime import UTC, datetime
from typing import Final

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from shared.mongo import Database

COLLECTION: Final = "leases"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def take(database: Database, name: str, owner: str, for_s: float) -> bool:
    """Take or renew a lease by MongoDB's clock; False when another owner holds it."""
    me = {"$literal": owner}
    free = {"$or": [{"$eq": ["$owner", me]}, {"$lt": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}]}
    until = {"$add": ["$$NOW", int(for_s * 1000)]}
    # One step compares and writes; a filter cannot do it, because an upsert's may not look at the clock.
    change = {"owner": {"$cond": [free, me, "$owner"]}, "until": {"$cond": [free, until, "$until"]}}
    try:
        found = await database[COLLECTION].find_one_and_update(
            {"_id": name}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
        )
    except DuplicateKeyError:  # several made the lease at once
        return False
    return bool(found["owner"] == owner)


async def now(database: Database) -> datetime:
    """Return MongoDB's clock, by which deadlines are judged (architecture, Clocks)."""
    answer = await database.command("hello")
    found: datetime = answer["localTime"]
    return found.replace(tzinfo=UTC)  # a command's answer is read without the client's options, and so without a zone
