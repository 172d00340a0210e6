"""One MongoDB and one Kafka, real or in memory: every contract test runs on both."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.simulation.contract import engines

from shared import mongo

MEMORY, REAL = "memory", "real"


@pytest.fixture
async def real_database(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """Return an empty database of the real MongoDB."""
    client = mongo.connect(request.getfixturevalue("mongo_url"))
    database = client[request.getfixturevalue("database_name")]
    await mongo.prepare(database, engines.INDEXES)
    yield database
    client.close()


@pytest.fixture(params=[MEMORY, pytest.param(REAL, marks=pytest.mark.infra)])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    """Return an empty database, in memory and real."""
    if request.param == MEMORY:
        yield engines.in_memory()["contract"]
    else:
        client = mongo.connect(request.getfixturevalue("mongo_url"))
        found = client[request.getfixturevalue("database_name")]
        await mongo.prepare(found, engines.INDEXES)
        yield found
        client.close()
