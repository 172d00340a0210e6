"""The bench itself, on real clusters: it measures something, leaves nothing, and the floor stores what Weir stores."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from tests.bench import auditing, load
from tests.bench.cluster import Cluster
from tests.bench.result import Result
from tests.bench.run import Ask, measure

from ops.runtime.state import SERVICES

ASK = Ask("20/s", seconds=2.0, warmup_s=1.0, rate=20.0)
SENT_AT_LEAST = 58  # of 60: the last are due as the window ends
NOT_MEASURED = {"leases", "merchants", "waiting"}

type Stored = dict[str, tuple[int, set[str]]]


def silent(_: str) -> None:
    """Hear nothing."""


def stored(mongo_url: str) -> Stored:
    """Return how many documents each collection has, and the fields of one."""
    found: Stored = {}
    with MongoClient[dict[str, Any]](mongo_url) as client:
        for service in SERVICES:
            for collection in client[service].list_collection_names():
                if collection not in NOT_MEASURED and (one := client[service][collection].find_one()):
                    found[f"{service}.{collection}"] = client[service][collection].count_documents({}), set(one)
    return found


def weir(folders: list[Path]) -> tuple[Result, dict[str, Any], Stored]:
    with Cluster(silent) as cluster:
        folders.append(cluster.folder)
        cluster.start_services()
        asyncio.run(load.agree(cluster.urls["merchant"], cluster.urls["kafka"]))
        result = asyncio.run(measure(cluster, ASK, silent))
        asyncio.run(auditing.at_rest(cluster))
        return result, auditing.audit(cluster, range(result.published)), stored(cluster.urls["mongo"])


def floor(folders: list[Path]) -> tuple[Result, Stored]:
    with Cluster(silent) as cluster:
        folders.append(cluster.folder)
        cluster.start_floor()
        return asyncio.run(measure(cluster, ASK, silent)), stored(cluster.urls["mongo"])


@pytest.mark.long
@pytest.mark.timeout(300)
def test_both_sides_settle_every_order_and_store_the_same() -> None:
    folders: list[Path] = []
    measured, audited, ours = weir(folders)
    assert SENT_AT_LEAST <= measured.published == measured.settled
    assert measured.repeated == 0
    assert (audited["settled"], audited["lost"], audited["breaches_total"]) == (measured.published, 0, 0)
    bare, theirs = floor(folders)
    assert SENT_AT_LEAST <= bare.published == bare.settled
    assert bare.repeated == 0
    assert min(*measured.cpu_us.values(), *bare.cpu_us.values()) > 0
    assert theirs.keys() == ours.keys()
    # Blocks and one link a batch, and balances by stripe: their number follows from how records happened to come.
    counted = ours.keys() - {"split.blocks", "split.links", "split.balances", "split.heads"}
    each = {name: theirs[name][0] / bare.published for name in counted}
    assert each == {name: ours[name][0] / measured.published for name in counted}
    assert {name: fields ^ ours[name][1] for name, (_, fields) in theirs.items() if fields != ours[name][1]} == {}
    assert not [folder for folder in folders if folder.exists()]
