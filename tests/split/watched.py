"""A MongoDB whose answers are counted: how many documents each brought at once."""

from typing import Final

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from shared.mongo import Document

BATCHES: Final = ("firstBatch", "nextBatch")


class Watched(CommandListener):
    """A client of its own, and the sizes of the answers to its queries."""

    def __init__(self, url: str, database_name: str) -> None:
        self.sizes: list[int] = []
        self.client = AsyncIOMotorClient[Document](url, tz_aware=True, event_listeners=[self])
        self.database = self.client[database_name]

    def started(self, event: CommandStartedEvent) -> None:
        """Pass over."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        self.sizes += [len(cursor[name]) for name in BATCHES if name in cursor]

    def failed(self, event: CommandFailedEvent) -> None:
        """Pass over."""
