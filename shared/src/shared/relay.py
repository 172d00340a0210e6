"""Publishes what was committed and not published: a replica its own once Kafka answers, a sweep what a crash left.

What a consumer's batch has left is published by the owner of its partition (intake), in order and before anything new.
"""

import asyncio
from typing import Final

import structlog

from shared import outbox
from shared.mongo import Database, PyMongoError
from shared.outbox import LEFTOVER_AGE_S
from shared.publisher import Publisher, PublishError

JUST_LEFT_S: Final = 2
"""By this age what the clock or the API commits is mostly on Kafka: little is published beside who is still at it."""

AGAIN_S: Final = 3.0
"""Between two tries. Longer than JUST_LEFT_S: what was committed just before the wait is old enough after it."""

log = structlog.get_logger(__name__)


class Relay:
    """Finds leftovers by their age. Who made them may be merely slow and publish them too: readers tell repeats."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def follow(self, unpublished: asyncio.Event) -> None:
        """Publish what is left of the clock and the API: now, and soon after `unpublished` is set. For ever.

        Now, because whoever starts may be there in place of a killed replica. Nothing is kept in memory: it is all in
        the outbox, and what is missed here (clocks that differ by more than a second) is published by the sweep.
        """
        while True:
            try:
                await self.once(age_s=JUST_LEFT_S, unowned=True)
            except (PublishError, PyMongoError) as error:
                log.warning("leftovers wait", error=str(error))
                unpublished.set()
            await unpublished.wait()
            unpublished.clear()
            await asyncio.sleep(AGAIN_S)

    async def once(self, *, age_s: int = LEFTOVER_AGE_S, unowned: bool = False) -> int:
        """Publish what is left behind, oldest first; return how many events that was.

        Raises:
            PublishError: Kafka is away; they stay.

        """
        published = 0
        while letters := await outbox.left_behind(self._database, age_s=age_s, unowned=unowned):
            records = [record for letter in letters for record in outbox.records(letter)]
            await self._publisher.publish(records)
            await outbox.remove(self._database, [letter["_id"] for letter in letters])
            published += len(records)
            log.warning("relayed leftovers", events=len(records))
        return published
