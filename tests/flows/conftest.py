"""The whole cluster as real processes for the flow tests: the institution and four services on the session's engines.

It ends with the last flow test, because the groups of its consumers are the ones that other tests use in their process.
"""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from pymongo import MongoClient

from ops.runtime import ports, process, services
from ops.runtime.state import SANDBOX, SERVICES
from shared.topics import Topics, apply

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where the parts of the running cluster are. `urls` has kafka, mongo, institution and each service."""

    urls: dict[str, str]
    prefix: str
    """Before the name of every database, as `ops.stores.Stores` takes it."""
    logs: Path

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
    asyncio.run(apply(Topics.load(ROOT / "deploy" / "topics.yaml"), kafka_bootstrap))
    started: dict[str, process.Started] = {}
    try:
        for name in names:
            started[name] = process.start(
                services.command(name, chosen[name]),
                log=it.logs / f"{name}.log",
                cwd=ROOT,
                env=services.institution_environment(it.logs)
                if name == SANDBOX
                else services.environment(name, urls, it.database(name)) | {f"{name.upper()}_ENVIRONMENT": "test"},
                tied=True,
            )
        services.wait(started, addresses, it.logs, lambda _: None)
        yield it
    finally:
        process.stop(list(started.values()), services.STOP_GRACE_S)
        _drop(mongo_url, [it.database(name) for name in SERVICES])


def _drop(mongo_url: str, databases: list[str]) -> None:
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for database in databases:
            client.drop_database(database)
