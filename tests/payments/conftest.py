"""Payments on a real MongoDB and beside the real sandbox institution; only Kafka is left out, by remembering events.

Institution and collections are made once and emptied for each test: making them takes longer than most tests.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from tests.payments.edge import Edge, Institution

from ops.runtime import ports, process, services
from ops.runtime.state import SANDBOX
from payments import store
from payments.channels.sandbox import SandboxChannel
from shared import leases, mongo, outbox, parking
from shared.mongo import Database

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="package")
def prepared(mongo_url: str) -> Iterator[str]:
    """Return the name of a database with all collections and indexes of payments; beside it, `<name>_i` is free."""
    name = f"payments_{uuid.uuid4().hex[:8]}"

    async def prepare() -> None:
        client = mongo.connect(mongo_url)
        kit = {**outbox.INDEXES, **parking.INDEXES, leases.COLLECTION: []}
        await mongo.prepare(client[name], {**store.INDEXES, **kit})
        client.close()

    asyncio.run(prepare())
    yield name
    with MongoClient[dict[str, Any]](mongo_url) as client:
        client.drop_database(name)


@pytest.fixture(scope="package")
def institution_url(mongo_url: str, prepared: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run the institution on a real socket, so that it can hang up; return its URL."""
    port = ports.choose((SANDBOX,))[SANDBOX]
    url, logs = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("institution")
    environment = services.environment(SANDBOX, {"mongo": mongo_url}, f"{prepared}_i")
    command = services.command(SANDBOX, port)
    started = process.start(command, log=logs / "sandbox.log", cwd=ROOT, env=environment, tied=True)
    try:
        services.wait({SANDBOX: started}, {SANDBOX: url}, logs, lambda _: None)
        yield url
    finally:
        process.stop([started], services.STOP_GRACE_S)
        with MongoClient[dict[str, Any]](mongo_url) as client:
            client.drop_database(f"{prepared}_i")


@pytest.fixture
async def database(mongo_url: str, prepared: str) -> AsyncIterator[Database]:
    """Return payments' database with nothing in it."""
    client = mongo.connect(mongo_url)
    await _empty(client[prepared])
    yield client[prepared]
    client.close()


@pytest.fixture
async def institution(mongo_url: str, institution_url: str, prepared: str) -> AsyncIterator[Institution]:
    """Return the institution with no money, no record and no fault."""
    client = mongo.connect(mongo_url)
    await _empty(client[f"{prepared}_i"])
    client.close()
    customer = Institution(institution_url)
    await customer.heal()
    yield customer
    await customer.heal()
    await customer.close()


@pytest.fixture
async def still_edge(database: Database, institution: Institution) -> AsyncIterator[Edge]:
    """Return payments as it is between a commit and the sending: its lanes do not run until told."""
    edge = Edge(database, SandboxChannel(institution.url, timeout_s=5))
    yield edge
    await edge.stop()


@pytest.fixture
async def edge(still_edge: Edge) -> Edge:
    """Return payments, whose lanes run."""
    still_edge.start()
    return still_edge


async def _empty(database: Database) -> None:
    for collection in await database.list_collection_names():
        await database[collection].delete_many({})
