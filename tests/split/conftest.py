"""Split on a real MongoDB; only Kafka is left out, by remembering events."""

from collections.abc import AsyncIterator

import pytest
from tests.split.replica import Replica
from tests.split.watched import Watched

from shared import leases, mongo, outbox, parking
from shared.mongo import Database
from split import store


@pytest.fixture
async def database(mongo_url: str, database_name: str) -> AsyncIterator[Database]:
    client = mongo.connect(mongo_url)
    await mongo.prepare(
        client[database_name], {**store.INDEXES, **outbox.INDEXES, **parking.INDEXES, leases.COLLECTION: []}
    )
    yield client[database_name]
    client.close()


@pytest.fixture
def replica(database: Database) -> Replica:
    return Replica(database)


@pytest.fixture
async def watched(database: Database, mongo_url: str) -> AsyncIterator[Watched]:
    watched = Watched(mongo_url, database.name)
    yield watched
    watched.client.close()
