"""Publishes what nobody else will: events older than 30 s of the clock, the API, or partitions without owner."""

import structlog

from shared import outbox
from shared.mongo import Database
from shared.publisher import Publisher

log = structlog.get_logger(__name__)


class Relay:
    """A leased sweep. An owner that is merely slow may publish the same events: readers tell repeats."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def once(self) -> int:
        """Publish what is left behind; return how many events that was.

        Raises:
            PublishError: Kafka is away; they stay.

        """
        published = 0
        while letters := await outbox.left_behind(self._database):
            records = [record for letter in letters for record in outbox.records(letter)]
            await self._publisher.publish(records)
            await outbox.remove(self._database, [letter["_id"] for letter in letters])
            published += len(records)
            log.warning("relayed leftovers", events=len(records))
        return published
