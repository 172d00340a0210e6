"""The server's clock: MongoDB's, by which every deadline of a service is judged (architecture, Clocks).

It is asked every second, and reckoned on in between. A test may move it, by a document, with ENVIRONMENT=test only.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from pymongo.errors import PyMongoError

from shared import leases
from shared.mongo import Database

COLLECTION: Final = "clock"
MOVED: Final = "moved"
ASK_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


class Clock:
    """The clock of one replica."""

    def __init__(self, database: Database, *, movable: bool) -> None:
        """`movable`: obey the document that `move` writes."""
        self._database = database
        self._movable = movable
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the time, in whole milliseconds as MongoDB keeps it."""
        now = datetime.now(UTC) + self._ahead
        return now.replace(microsecond=now.microsecond // 1_000 * 1_000)

    async def ask(self) -> None:
        """Take the time from MongoDB."""
        moved = timedelta()
        if self._movable:
            found = await self._database[COLLECTION].find_one({"_id": MOVED})
            moved = timedelta(seconds=found["seconds"]) if found else moved
        self._ahead = await leases.now(self._database) - datetime.now(UTC) + moved

    async def follow(self) -> None:
        """Ask every second, for ever; while MongoDB is away, the last answer is reckoned on."""
        while True:
            try:
                await self.ask()
            except PyMongoError as error:
                log.warning("clock not asked", error=repr(error))
            await asyncio.sleep(ASK_EVERY_S)


async def move(database: Database, by: timedelta) -> None:
    """Move the clocks of the service that has this database, ahead of MongoDB's by so much in all. For tests."""
    await database[COLLECTION].update_one({"_id": MOVED}, {"$set": {"seconds": by.total_seconds()}}, upsert=True)
