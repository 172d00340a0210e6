"""The real Kafka and MongoDB for every test that asks: given URLs, else containers, else local processes.

Never skipped: a machine that has none of them fails, and the message says what to install.
"""

import os
import uuid
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hypothesis import settings
from pymongo import MongoClient
from tests.infra import containers, local

# No test asserts a time, and an example of a property is a test: it may take as long as a busy machine needs.
settings.register_profile("untimed", parent=settings(), deadline=None)
settings.load_profile("untimed")

type NewTopicMaker = Callable[..., Awaitable[str]]


def _with_docker(image: str) -> bool:
    chosen = os.environ.get("TESTS_RUNTIME")
    return chosen == "docker" if chosen else containers.present(image)


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the session's Kafka: WEIR_TEST_KAFKA, or one started here. Topics are never made by themselves."""
    if given := os.environ.get("WEIR_TEST_KAFKA"):
        yield given
    elif _with_docker(containers.KAFKA_IMAGE):
        with containers.kafka_container() as bootstrap:
            yield bootstrap
    else:
        with local.kafka_process(tmp_path_factory.mktemp("kafka")) as bootstrap:
            yield bootstrap


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of the session's MongoDB replica set: WEIR_TEST_MONGO, or one started here."""
    if given := os.environ.get("WEIR_TEST_MONGO"):
        yield given
    elif _with_docker(containers.MONGO_IMAGE):
        with containers.mongo_container() as url:
            yield url
    else:
        with local.mongo_process(tmp_path_factory.mktemp("mongo")) as url:
            yield url


@pytest.fixture
def database_name(mongo_url: str) -> Iterator[str]:
    """Name of a database that only this test uses; dropped after it."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    yield name
    with MongoClient[dict[str, object]](mongo_url) as client:
        client.drop_database(name)


@pytest.fixture
async def new_topic(kafka_bootstrap: str) -> NewTopicMaker:
    """Make topics that only this test uses.

    `await new_topic("orders", partitions=3, cleanup_policy="compact")` returns the name.
    """

    async def make(stem: str = "topic", *, partitions: int = 1, **settings: str) -> str:
        name = f"{stem}-{uuid.uuid4().hex[:12]}"
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
        await admin.start()
        try:
            configs = {key.replace("_", "."): value for key, value in settings.items()}
            await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=configs)])
        finally:
            await admin.close()
        return name

    return make
