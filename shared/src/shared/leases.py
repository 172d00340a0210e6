"""Leases: of several replicas, one does a periodic job. A lease only saves work; it never guards correctness."""

from datetime import UTC, datetime
from typing import Final

from pymongo.errors import DuplicateKeyError

from shared.mongo import Database

COLLECTION: Final = "leases"


async def take(database: Database, name: str, owner: str, for_s: float) -> bool:
    """Take or renew a lease by MongoDB's clock; False when another owner holds it."""
    free = {"_id": name, "$or": [{"owner": owner}, {"$expr": {"$lt": ["$until", "$$NOW"]}}]}
    mine = [{"$set": {"owner": owner, "until": {"$add": ["$$NOW", int(for_s * 1000)]}}}]
    try:
        await database[COLLECTION].update_one(free, mine, upsert=True)
    except DuplicateKeyError:  # the lease exists and is somebody else's
        return False
    return True


async def now(database: Database) -> datetime:
    """Return MongoDB's clock, by which deadlines are judged (architecture, Clocks)."""
    answer = await database.command("hello")
    found: datetime = answer["localTime"]
    return found.replace(tzinfo=UTC)  # a command's answer is read without the client's options, and so without a zone
