"""Publishes what was committed and not published: a replica its own once Kafka answers, a sweep what a crash left.

What a consumer's batch has left is published by the owner of its partition (intake), in order and before anything new.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from shared import outbox
from shared.mongo import Database, PyMongoError
from shared.outbox import LEFTOVER_AGE_S, Outgoing
from shared.publisher import Publisher, PublishError

KEPT_EVENTS_MAX: Final = 20_000
"""What a replica keeps in memory through an outage; more is left to the sweep."""
AGAIN_S: Final = 1.0
JUST_LEFT_S: Final = 2

log = structlog.get_logger(__name__)


class Unpublished:
    """What this replica has committed for the clock or the API while Kafka was away. A restart leaves it to the relay.

    One at a time and in order, but perhaps after what was committed later: readers go by revision, not by order.
    """

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher
        self._kept: deque[tuple[Sequence[Outgoing], list[object]]] = deque()
        self._events = 0
        self._wake = asyncio.Event()

    def keep(self, outgoing: Sequence[Outgoing], letters: list[object]) -> bool:
        """Have events published soon; False when there is no more room."""
        if self._events + len(outgoing) > KEPT_EVENTS_MAX:
            return False
        self._events += len(outgoing)
        self._kept.append((outgoing, letters))
        self._wake.set()
        return True

    async def run(self) -> None:
        """Publish what is kept, again and again until Kafka takes it, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._kept:
                outgoing, letters = self._kept[0]
                try:
                    await self._publisher.publish(outgoing)
                    await outbox.remove(self._database, letters)
                except (PublishError, PyMongoError):
                    await asyncio.sleep(AGAIN_S)
                else:
                    self._kept.popleft()
                    self._events -= len(outgoing)


class Relay:
    """A leased sweep. An owner that is merely slow may publish the same events: readers tell repeats."""

    def __init__(self, database: Database, publisher: Publisher) -> None:
        self._database = database
        self._publisher = publisher

    async def begin(self) -> None:
        """Publish what a killed replica has left for the clock and the API: who starts may be there in its place.

        Of what is 2 s old a living one may be publishing a part, too. What is not published now is left to the sweep.
        """
        try:
            await self.once(age_s=JUST_LEFT_S, unowned=True)
        except (PublishError, PyMongoError) as error:
            log.warning("leftovers wait for the sweep", error=str(error))

    async def once(self, *, age_s: int = LEFTOVER_AGE_S, unowned: bool = False) -> int:
        """Publish what is left behind; return how many events that was.

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
