"""Payments on a real MongoDB and beside the real sandbox institution; only Kafka is left out, by remembering events."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from tests.payments.edge import Edge, Institution

from payments import store
from payments.channels.sandbox import SandboxChannel
from sandbox.app import create_app
from sandbox.settings import Settings as SandboxSettings
from shared import leases, mongo, outbox, parking
from shared.mongo import Database


@pytest.fixture
async def database(mongo_url: str, database_name: str) -> AsyncIterator[Database]:
    client = mongo.connect(mongo_url)
    await mongo.prepare(
        client[database_name], {**store.INDEXES, **outbox.INDEXES, **parking.INDEXES, leases.COLLECTION: []}
    )
    yield client[database_name]
    client.close()


@pytest.fixture
async def institution(mongo_url: str, database_name: str) -> AsyncIterator[Institution]:
    """Run the institution on a real socket, so that it can hang up."""
    app = create_app(SandboxSettings(mongo_url=mongo_url, mongo_database=f"{database_name}_i"))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    customer = Institution(f"http://127.0.0.1:{port}")
    yield customer
    await customer.close()
    server.should_exit = True
    await serving
    client = mongo.connect(mongo_url)
    await client.drop_database(f"{database_name}_i")
    client.close()


@pytest.fixture
async def edge(still_edge: Edge) -> Edge:
    """Return payments, whose lanes run."""
    still_edge.start()
    return still_edge


@pytest.fixture
async def still_edge(database: Database, institution: Institution) -> AsyncIterator[Edge]:
    """Return payments as it is between a commit and the sending: its lanes do not run until told."""
    edge = Edge(database, SandboxChannel(institution.url, timeout_s=5))
    yield edge
    await edge.stop()
