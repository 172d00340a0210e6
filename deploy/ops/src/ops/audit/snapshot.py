"""All stores as they were at one moment, so that money on its way between two services is not taken for lost.

The databases are of one replica set, whose snapshot sessions read across them. Nothing is judged here.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from ops.stores import Stores
from shared.mongo import Database, Document, Session

ROWS_PER_FETCH: Final = 5_000

Query = Mapping[str, Any]


class Snapshot:
    """Reads of one moment."""

    def __init__(self, stores: Stores, session: Session) -> None:
        """Use `taken` to make one."""
        self.stores = stores
        self._session = session

    async def find(
        self,
        database: Database,
        collection: str,
        query: Query,
        fields: Sequence[str] = (),
        sort: Sequence[tuple[str, int]] = (),
    ) -> AsyncIterator[Document]:
        """Go through documents; a sort without an index is done on disk."""
        projection = dict.fromkeys(fields, 1) or None
        cursor = database[collection].find(dict(query), projection, session=self._session, batch_size=ROWS_PER_FETCH)
        if sort:
            cursor = cursor.sort(list(sort)).allow_disk_use(True)  # noqa: FBT003 - the driver's own switch
        async for document in cursor:
            yield document

    async def aggregate(
        self, database: Database, collection: str, pipeline: Sequence[Query]
    ) -> AsyncIterator[Document]:
        """Go through what a pipeline makes."""
        stages = [dict(stage) for stage in pipeline]
        cursor = database[collection].aggregate(
            stages, session=self._session, allowDiskUse=True, batchSize=ROWS_PER_FETCH
        )
        async for document in cursor:
            yield document


@asynccontextmanager
async def taken(stores: Stores) -> AsyncIterator[Snapshot]:
    """Hold one moment of all stores."""
    async with await stores.client.start_session(snapshot=True) as session:
        # The first read with the session fixes its moment.
        await stores.payments.orders.find_one({}, {"_id": 1}, session=session)
        yield Snapshot(stores, session)
