"""The small world in live stores, and an audit of it."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from tests.ops.audit import world
from tests.ops.audit.live import Audited, Live
from tests.ops.audit.world import Bank

from ops.audit.run import Report, Scope, run
from ops.institution import Institution
from ops.send.manifest import Manifest
from ops.settled import Look
from ops.stores import opened


@pytest.fixture
def live(mongo_url: str) -> Iterator[Live]:
    prefix = f"audit_{uuid.uuid4().hex[:8]}_"
    world.write(mongo_url, prefix, world.documents())
    with MongoClient[dict[str, Any]](mongo_url) as client:
        yield Live(client, prefix, Bank())
        for service in ("payments", "split", "merchant", "aftersale", "ops"):
            client.drop_database(f"{prefix}{service}")


@pytest.fixture
def audited(mongo_url: str, tmp_path: Path) -> Audited:
    async def audit(
        live: Live,
        processes: int | None = None,
        marketplace: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> Report:
        sent = Manifest(datetime.now(UTC), tmp_path)
        sent.add(live.sent)
        sent.close()
        institution = Institution("http://bank", live.bank.transport())
        async with opened(mongo_url, live.prefix) as stores, institution:
            scope = Scope(marketplace, {}, tmp_path, processes)
            return await run(Look(stores, "", ()), institution, scope, tell)

    return audit
