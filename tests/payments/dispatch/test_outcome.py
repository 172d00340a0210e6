"""A batch of outcomes on the real MongoDB: what cannot be recorded is found, and holds up nobody else."""

from collections.abc import Awaitable, Callable

import pytest
from tests.payments.edge import Published

from payments.dispatch import outcome
from payments.dispatch.lanes import NotRecordedError
from payments.dispatch.outcome import HALVINGS_MAX, WHOLE_ATTEMPTS_MAX, commit
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
        await commit(commits, BATCH, but("b", spoil), answered=True)
    [(item, error)] = told.value.left
    assert item == "b"
    assert isinstance(error, reason)
    assert await recorded(database) == set(BATCH) - {"b"}


class Stubborn:
    """Records one document an item, and the same once more for some; counts how often it was tried."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.tries = 0

    async def record(self, work: Work, batch: list[str]) -> None:
        self.tries += 1
        for item in batch:
            work.insert("payouts", {"_id": item})
            if item in self.names:
                work.insert("payouts", {"_id": item})


async def left_of(commits: Commits, batch: list[str], stubborn: Stubborn) -> list[str]:
    with pytest.raises(NotRecordedError) as told:
        await commit(commits, batch, stubborn.record, answered=True)
    return [str(item) for item, _ in told.value.left]


async def test_one_that_stays_in_conflict_costs_its_neighbours_two_tries_a_halving(
    commits: Commits, database: Database
) -> None:
    """Fails when each half is tried as often as the whole: with the waits between, the others waited for 45 s."""
    batch, stubborn = [f"p{number}" for number in range(128)], Stubborn("p0")
    assert await left_of(commits, batch, stubborn) == ["p0"]
    assert stubborn.tries <= WHOLE_ATTEMPTS_MAX + 2 * 7
    assert await recorded(database) == set(batch) - {"p0"}


async def test_a_batch_of_which_nothing_can_be_recorded_is_given_up_after_207_tries(commits: Commits) -> None:
    batch = [f"p{number}" for number in range(1_000)]
    stubborn = Stubborn(*batch)
    assert sorted(await left_of(commits, batch, stubborn)) == sorted(batch)
    assert stubborn.tries == WHOLE_ATTEMPTS_MAX + 2 * HALVINGS_MAX == 207


async def test_among_more_than_one_pass_can_find_the_others_are_recorded_by_the_next(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when each pass begins with the same ones: it would spend its halvings on those that failed before."""
    monkeypatch.setattr(outcome, "HALVINGS_MAX", 10)
    batch = [f"p{number}" for number in range(60)]
    stubborn = Stubborn(*batch[::2])
    left, passes = batch, 0
    while len(left) > len(stubborn.names):
        left = await left_of(commits, sorted(left, key=batch.index), stubborn)
        passes += 1
        assert passes < 100  # about 16, never over 40 in 2,000 draws
    assert await recorded(database) == set(batch[1::2])


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
    await commit(commits, BATCH, await slow_when_more_than(database, 3), answered=True)
    assert await recorded(database) == set(BATCH)


async def test_one_alone_that_takes_too_long_is_an_outage(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo, "TRANSACTION_S_MAX", 1)
    with pytest.raises(TooSlowError):
        await commit(commits, ["a"], await slow_when_more_than(database, 0), answered=True)


async def test_another_writer_who_does_not_end_leaves_all_to_be_sent_again(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when it counts as a contradiction: what another replica has in hand would wait for the sweep."""
    monkeypatch.setattr(outcome, "WHOLE_ATTEMPTS_MAX", 2)
    async with await database.client.start_session() as session, mongo.start_transaction(session):
        await database.payouts.insert_one({"_id": "b"}, session=session)
        with pytest.raises(ConflictError):
            await commit(commits, BATCH, but("nobody", break_down), answered=True)
        await session.abort_transaction()
    assert await recorded(database) == set()


async def test_another_writer_met_while_halving_leaves_what_it_holds_to_the_sweep(
    commits: Commits, database: Database
) -> None:
    """Fails when the batch is sent again for it: its halving would begin anew with each such meeting."""

    async def record(work: Work, batch: list[str]) -> None:
        if "d" in batch and len(batch) < len(BATCH):
            message = "another writes it too"
            raise ConflictError(message)
        await but("b", contradict)(work, batch)

    with pytest.raises(NotRecordedError) as told:
        await commit(commits, BATCH, record, answered=True)
    assert {item for item, _ in told.value.left} == {"b", "d"}
    assert await recorded(database) == set(BATCH) - {"b", "d"}
