"""The ledger's scenario on a real mongod: it measures something, and proves what it booked."""

from collections.abc import AsyncIterator

import pytest
from pymongo import MongoClient
from tests.bench import ledger, report
from tests.bench.result import TRANSACTION

from shared import mongo, outbox
from shared.commits import Commits
from shared.metrics import KitMetrics
from shared.mongo import Database
from split import store


def test_what_is_measured_is_booked_and_proved() -> None:
    told: list[str] = []
    result = ledger.measure(0.5, 0.1, told.append)
    assert result.audit == {"transactions": result.published, "imbalance_minor": 0, "breaches_total": 0}
    assert result.published >= result.completed > 0
    assert result.per_s > 0
    assert min(result.cpu_us.values()) > 0
    assert (result.unit, told[-1]) == (TRANSACTION, "stopping")
    (speed, cpu, *_) = report.tables([result])
    assert (speed.columns[2], cpu.title) == ("transactions/s", "CPU of a transaction, µs")
    assert report.goal_rows([result])[0][0] == "ledger transactions a second"


def test_transactions_have_six_entries_that_sum_to_zero() -> None:
    made = ledger.prepared(100)
    assert {len(it.entries) for it in made} == {ledger.ENTRIES}
    assert {sum(it.entries.values()) for it in made} == {0}
    assert len({it.order.key for it in made}) == 100


@pytest.fixture
async def database(mongo_url: str, database_name: str) -> AsyncIterator[Database]:
    client = mongo.connect(mongo_url)
    await mongo.prepare(client[database_name], {**store.INDEXES, **outbox.INDEXES})
    yield client[database_name]
    client.close()


@pytest.mark.parametrize(
    ("collection", "change"),
    [
        ("blocks", {"$pop": {"transactions": 1}}),
        ("links", {"$pop": {"blocks": 1}}),
        ("heads", {"$inc": {"seq": 1}}),
        ("balances", {"$inc": {"amounts.platform:commission": 1}}),
    ],
)
async def test_what_is_not_as_it_was_booked_is_found(
    database: Database, mongo_url: str, collection: str, change: dict[str, object]
) -> None:
    commits = Commits("split", database.client, database, ledger.Unheard(), KitMetrics())  # type: ignore[arg-type] # nothing is published
    unit = ledger.prepared(120)
    for stripe in ledger.STRIPES:
        await commits.commit(ledger.booking(database, unit), stripe=stripe, group="split.test")
    assert await ledger.proved(database, 240) == {"transactions": 240, "imbalance_minor": 0, "breaches_total": 0}
    assert (await ledger.proved(database, 241))["breaches_total"] == 1
    with MongoClient[dict[str, object]](mongo_url) as client:
        client[database.name][collection].update_one({}, change)
    assert (await ledger.proved(database, 240))["breaches_total"] > 0
