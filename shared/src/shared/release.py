"""An operator's release of a park: its records are handled in arrival order, and the park ends with the last of them.

`weir park release` writes the request, with actor and reason; the service that parked does the work.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any, Final

import structlog

from shared import parking
from shared.commits import Commits, ConflictError
from shared.delivery import Delivery
from shared.mongo import Database, Document
from shared.record import Bad, Reader
from shared.work import Work

RECORDS_PER_UNIT: Final = 100
PARKS_PER_SWEEP: Final = 100

log = structlog.get_logger(__name__)


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
        return sum([await self._release(park) for park in parks])

    async def _release(self, park: Document) -> int:
        replayed = 0
        try:
            while handled := await self._commits.run(lambda work: self._replay(park["_id"], work), origin="clock"):
                replayed += handled
        except ConflictError:
            log.warning("release waits for the next sweep", aggregate=park["_id"])
        except Exception as error:
            log.exception("release failed", aggregate=park["_id"])
            failed: Document = {"$set": {"failed": repr(error)[:500]}, "$unset": {"release": ""}}
            await self._database[parking.PARKS].update_one({"_id": park["_id"]}, failed)
        return replayed

    async def _replay(self, aggregate: str, work: Work) -> int:
        waiting = await parking.next_of(self._database, aggregate, RECORDS_PER_UNIT, work.session)
        # One topic at a time: a handler sees what is stored, not what the same unit is about to write.
        documents = list(takewhile(lambda it: it["topic"] == waiting[0]["topic"], waiting))
        if documents:
            await self._handle(documents, work)
        if len(documents) == len(waiting) < RECORDS_PER_UNIT:
            # An arrival in between has written the park: this unit conflicts with it and runs again.
            work.delete(parking.PARKS, {"_id": aggregate})
            return 0
        return len(documents)

    async def _handle(self, documents: list[Document], work: Work) -> None:
        reader, delivery = self._routes[documents[0]["topic"]]
        read = [record for it in documents if (record := reader.read(parking.raw_of(it))) is not None]
        for record in read:
            if isinstance(record, Bad):
                work.reject(record, record.disposition, record.reason)
        await delivery.replay([record for record in read if not isinstance(record, Bad)], work)
        for document in documents:
            work.delete(parking.PARKED, {"_id": document["_id"]})
