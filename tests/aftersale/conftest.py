"""Aftersale on a real MongoDB, with the kit's own commits; only Kafka is a list."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from aftersale import store
from aftersale.store.orders import Orders
from shared import mongo, outbox, parking
from shared.commits import Commits
from shared.marketplaces import Marketplaces
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.outbox import Outgoing
from shared.publisher import Publisher

MARKETPLACES = Path(__file__).parents[2] / "deploy" / "marketplaces.yaml"


class Published(Publisher):
    """Keeps what would be on Kafka."""

    def __init__(self) -> None:
        super().__init__("nowhere:1", "test")
        self.topics: list[str] = []

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.topics.extend(record.topic for record in records)


@pytest.fixture
async def database(mongo_url: str, database_name: str) -> AsyncIterator[Database]:
    client = mongo.connect(mongo_url)
    database = client[database_name]
    await mongo.prepare(database, {**store.INDEXES, **outbox.INDEXES, **parking.INDEXES})
    yield database
    client.close()


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def commits(database: Database, published: Published) -> Commits:
    return Commits("aftersale", database.client, database, published, KitMetrics())


@pytest.fixture
def orders(database: Database) -> Orders:
    return Orders(database)


@pytest.fixture
def marketplaces() -> Marketplaces:
    return Marketplaces.load(MARKETPLACES)
