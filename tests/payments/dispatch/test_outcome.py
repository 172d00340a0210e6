"""A batch of outcomes on the real MongoDB: what cannot be recorded is found, and holds up nobody else."""

from collections.abc import Awaitable, Callable

import pytest
from tests.payments.edge import Published

from payments.dispatch.lanes import NotRecordedError
from payments.dispatch.outcome import commit
from shared import commits as kit
from shared import mongo
from shared.commits import Commits, ConflictError, TooSlowError
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.work import TooLargeError, Work

BATCH = ["a", "b", "c", "d", "e"]

type Record = Callable[[Work, list[str]], Awaitable[None]]


@pytest.fixture
def commits(database: Database, monkeypatch: pytest.MonkeyPatch) -> Commits:
    monkeypatch.setattr(kit, "BACKOFF_S", 0.0)
    return Commits("payments", database.client, database, Published(), KitMetrics())  # type: ignore[arg-type] # remembers instead of publishing


async def recorded(database: Database) -> set[str]:
    return {it["_id"] async for it in database.payouts.find()}


def but(name: str, spoil: Callable[[Work], None]) -> Record:
    """Record a batch by one document an item; spoil any unit in which this one is."""

    async def record(work: Work, batch: list[str]) -> None:
        for item in batch:
            work.insert("payouts", {"_id": item})
        if name in batch:
            spoil(work)

    return record


def contradict(work: Work) -> None:
    work.insert("payouts", {"_id": "b"})


def grow(work: Work) -> None:
    for number in range(4_001):
        work.insert("claims", {"_id": number})


def break_down(_: Work) -> None:
    raise KeyError


@pytest.mark.parametrize(
    ("spoil", "reason"), [(contradict, ConflictError), (grow, TooLargeError), (break_down, KeyError)]
)
async def test_what_can_never_be_recorded_is_told_alone_and_the_others_are_recorded(
    commits: Commits, database: Database, spoil: Callable[[Work], None], reason: type[Exception]
) -> None:
    """Fails when the whole batch is given up: one payout would hold up all that are ever sent beside it."""
    with pytest.raises(NotRecordedError) as told:
        await commit(commits, BATCH, but("b", spoil))
    [(item, error)] = told.value.left
    assert item == "b"
    assert isinstance(error, reason)
    assert await recorded(database) == set(BATCH) - {"b"}


async def slow_when_more_than(database: Database, count: int) -> Record:
    await database.orders.insert_one({"_id": "any"})

    async def record(work: Work, batch: list[str]) -> None:
        if len(batch) > count:
            await database.orders.find_one({"$where": "sleep(1500) || true"}, session=work.session)
        for item in batch:
            work.insert("payouts", {"_id": item})

    return record


async def test_a_batch_that_takes_too_long_is_recorded_in_halves(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when the limit of time counts as an outage: the same batch would be sent and time out for ever."""
    monkeypatch.setattr(mongo, "TRANSACTION_S_MAX", 1)
    await commit(commits, BATCH, await slow_when_more_than(database, 3))
    assert await recorded(database) == set(BATCH)


async def test_one_alone_that_takes_too_long_is_an_outage(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "TRANSACTION_S_MAX", 1)
    with pytest.raises(TooSlowError):
        await commit(commits, ["a"], await slow_when_more_than(database, 0))


async def test_another_writer_who_does_not_end_leaves_all_to_be_sent_again(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when it counts as a contradiction: what another replica has in hand would wait for the sweep."""
    monkeypatch.setattr(kit, "ATTEMPTS_MAX", 2)
    async with await database.client.start_session() as session, mongo.start_transaction(session):
        await database.payouts.insert_one({"_id": "b"}, session=session)
        with pytest.raises(ConflictError):
            await commit(commits, BATCH, but("nobody", break_down))
        await session.abort_transaction()
    assert await recorded(database) == set()
