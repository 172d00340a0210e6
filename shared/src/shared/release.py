"""An operator's release of a park: its records are handled in arrival order, and the park ends with the last of them.

`weir park release` writes the request, with actor and reason; the service that parked does the work.
"""

from collections.abc import Mapping
from functools import partial
from itertools import takewhile
from typing import Any, Final

import structlog

from shared import parking
from shared.commits import Commits, ConflictError, OutageError
from shared.delivery import Delivery
from shared.mongo import Database, Document
from shared.record import Bad, Reader
from shared.work import TooLargeError, Work

RECORDS_PER_UNIT: Final = 100
PARKS_PER_SWEEP: Final = 100

log = structlog.get_logger(__name__)


class StillParkedError(Exception):
    """The handler parks again what it was given: the park stays as it is."""


class Releases:
    """Replays the parks whose release an operator has asked for."""

    def __init__(
        self, database: Database, commits: Commits, routes: Mapping[str, tuple[Reader[Any], Delivery[Any]]]
    ) -> None:
        self._database = database
        self._commits = commits
        self._routes = routes

    async def once(self) -> int:
        """Replay what is asked for; return how many records were handled. What fails again stays, with its error."""
        query = {"release.requested_at": {"$exists": True}}
        parks = await self._database[parking.PARKS].find(query).to_list(PARKS_PER_SWEEP)
        return sum([await self._release(park["_id"]) for park in parks])

    async def _release(self, aggregate: str) -> int:
        replayed, limit, ended = 0, RECORDS_PER_UNIT, False
        while not ended:
            try:
                handled, ended = await self._commits.run(partial(self._replay, aggregate, limit), origin="clock")
                replayed += handled
            except (ConflictError, OutageError) as error:
                log.warning("release waits for the next sweep", aggregate=aggregate, error=str(error))
                break
            except Exception as error:
                if isinstance(error, TooLargeError) and limit > 1:
                    limit //= 2
                    continue
                log.exception("release failed", aggregate=aggregate)
                failed: Document = {"$set": {"failed": repr(error)[:500]}, "$unset": {"release": ""}}
                await self._database[parking.PARKS].update_one({"_id": aggregate}, failed)
                break
        return replayed

    async def _replay(self, aggregate: str, limit: int, work: Work) -> tuple[int, bool]:
        """Handle the first records of a park; return how many, and whether the park has ended."""
        waiting = await parking.next_of(self._database, aggregate, limit, work.session)
        # One topic at a time: a handler sees what is stored, not what the same unit is about to write.
        documents = list(takewhile(lambda it: it["topic"] == waiting[0]["topic"], waiting))
        if documents:
            await self._handle(documents, work)
        ended = len(documents) == len(waiting) < limit
        if ended:
            # An arrival in between has written the park: this unit conflicts with it and runs again.
            work.delete(parking.PARKS, aggregate)
        return len(documents), ended

    async def _handle(self, documents: list[Document], work: Work) -> None:
        reader, delivery = self._routes[documents[0]["topic"]]
        read = [record for it in documents if (record := reader.read(parking.raw_of(it))) is not None]
        for record in read:
            if isinstance(record, Bad):
                work.reject(record, record.disposition, record.reason)
        await delivery.replay([record for record in read if not isinstance(record, Bad)], work)
        if work.parked:
            raise StillParkedError(work.parked[0][1])
        for document in documents:
            work.delete(parking.PARKED, document["_id"])
