"""Live stores for the command line's tests: the small world of tests/ops/audit, or nothing."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from tests.ops.audit import world

from ops.stores import Stores, opened


@pytest.fixture
def prefix(mongo_url: str) -> Iterator[str]:
    """Before the names of databases that only this test uses; they are dropped after it."""
    name = f"ops_{uuid.uuid4().hex[:8]}_"
    yield name
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for database in [it for it in client.list_database_names() if it.startswith(name)]:
            client.drop_database(database)


@pytest.fixture
async def stores(mongo_url: str, prefix: str) -> AsyncIterator[Stores]:
    """Yield empty stores."""
    async with opened(mongo_url, prefix) as found:
        yield found


@pytest.fixture
async def filled(mongo_url: str, prefix: str) -> AsyncIterator[Stores]:
    """Yield stores with the small world in them: order a is settled, order b is held."""
    world.write(mongo_url, prefix, world.documents())
    async with opened(mongo_url, prefix) as found:
        yield found
