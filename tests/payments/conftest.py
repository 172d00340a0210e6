"""Payments on a real MongoDB and beside the real sandbox institution; only Kafka is left out, by remembering events.

Institution and collections are made once and emptied for each test: making them takes longer than most tests.
"""

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
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
    """Return the name of a database with all collections and indexes of payments."""
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
def institution_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the institution's log and books."""
    return tmp_path_factory.mktemp("institution")


@pytest.fixture(scope="package")
def institution_url(institution_folder: Path) -> Iterator[str]:
    """Run the institution on a real socket, so that it can hang up; return its URL."""
    port = ports.choose((SANDBOX,))[SANDBOX]
    url, environment = f"http://127.0.0.1:{port}", services.institution_environment(institution_folder)
    command, log = services.command(SANDBOX, port), institution_folder / "sandbox.log"
    started = process.start(command, log=log, cwd=ROOT, env=environment, tied=True)
    try:
        services.wait({SANDBOX: started}, {SANDBOX: url}, institution_folder, lambda _: None)
        yield url
    finally:
        process.stop([started], services.STOP_GRACE_S)


@pytest.fixture
async def database(mongo_url: str, prepared: str) -> AsyncIterator[Database]:
    """Return payments' database with nothing in it."""
    client = mongo.connect(mongo_url)
    await _empty(client[prepared])
    yield client[prepared]
    client.close()


@pytest.fixture
async def institution(institution_url: str, institution_folder: Path) -> AsyncIterator[Institution]:
    """Return the institution with no money, no record and no fault."""
    (file,) = services.institution_environment(institution_folder).values()
    with closing(sqlite3.connect(file)) as books, books:
        for (table,) in books.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            books.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of its own
    customer = Institution(institution_url)
    yield customer
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
