"""The whole cluster as real processes for the flow tests: the institution and four services on the session's engines.

It ends with the last flow test, because the groups of its consumers are the ones that other tests use in their process.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from pymongo import MongoClient
from tests.flows import places

from ops.runtime import keys, ports, process, services
from ops.runtime.state import SANDBOX, SERVICES
from shared import clock
from shared.mongo import connect
from shared.topics import Topics, apply

type Later = Callable[[timedelta], Awaitable[None]]

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the parts of the running cluster are. `urls` has kafka, mongo, institution and each service."""

    urls: dict[str, str]
    prefix: str
    """Before the name of every database, as `ops.stores.Stores` takes it."""
    logs: Path

    @property
    def keys(self) -> Path:
        """Return the folder of the keys that payments shares with the institution."""
        return self.logs / "keys"

    def database(self, service: str) -> str:
        """Return the name of a service's database."""
        return f"{self.prefix}{service}"


@pytest.fixture(scope="package")
def cluster(kafka_bootstrap: str, mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Bring up the institution and the four services, each with a database of its own, and clocks that can be moved."""
    names = (SANDBOX, *SERVICES)
    chosen = ports.choose(names)
    addresses = {name: f"http://127.0.0.1:{port}" for name, port in chosen.items()}
    urls = {"kafka": kafka_bootstrap, "mongo": mongo_url, "institution": addresses[SANDBOX], **addresses}
    it = Cluster(urls, f"flows_{uuid.uuid4().hex[:8]}_", tmp_path_factory.mktemp("cluster"))
    told = places.marketplaces(it.logs)
    keys.ensured(it.keys)
    asyncio.run(apply(Topics.load(ROOT / "deploy" / "topics.yaml"), kafka_bootstrap))
    started: dict[str, process.Started] = {}
    try:
        for name in names:
            started[name] = process.start(
                services.command(name, chosen[name]),
                log=it.logs / f"{name}.log",
                cwd=ROOT,
                env=services.institution_environment(it.logs, it.keys) | {"SANDBOX_ENVIRONMENT": "test"}
                if name == SANDBOX
                else services.environment(name, urls, it.database(name), it.keys)
                | {f"{name.upper()}_ENVIRONMENT": "test", f"{name.upper()}_MARKETPLACES_FILE": str(told)},
                tied=True,
            )
        services.wait(started, addresses, it.logs, lambda _: None)
        yield it
    finally:
        process.stop(list(started.values()), services.STOP_GRACE_S)
        _drop(mongo_url, [it.database(name) for name in SERVICES])


@pytest.fixture
async def later(cluster: Cluster) -> AsyncIterator[Later]:
    """Set split's clock ahead; afterwards it is right again."""
    client = connect(cluster.urls["mongo"])
    split = client[cluster.database("split")]

    async def by(ahead: timedelta) -> None:
        await clock.move(split, ahead)

    try:
        yield by
    finally:
        await by(timedelta())
        await asyncio.sleep(1.5 * clock.ASK_EVERY_S)  # or the next story begins in this one's future
        client.close()


def _drop(mongo_url: str, databases: list[str]) -> None:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for database in databases:
            client.drop_database(database)
