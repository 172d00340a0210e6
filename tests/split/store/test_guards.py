"""Guards on a real MongoDB: two decisions about one balance meet, whoever is first, also where both make the guard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import PyMongoError
from tests.split.replica import Replica

from shared import mongo
from shared.work import CompareFailedError, Work
from split.domain.guards import FRESH, Guard, netted, owing
from split.domain.ledger import Entries
from split.domain.orders import Order
from split.store.books import Books
from split.store.guards import Guards, key_of

KEY = key_of("test-a", "m1", "BRL")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEBT = "merchant:debt/m1"
STRIPES = ("split.order-progressed#0", "clock#0")


class Netting:
    """One open transaction on a stripe that releases an amount of an order, less the debt its snapshot shows."""

    def __init__(self, replica: Replica, work: Work, order_id: str, due_minor: int) -> None:
        self.work = work
        self.kept = 0
        self._replica = replica
        self._due = due_minor
        self._order = Order(
            marketplace="test-a", order_id=order_id, currency="BRL", channel_profile="p", channel_account="a"
        )

    async def decide(self) -> None:
        guards = Guards(self._replica.database)
        before = (await guards.load([KEY], self.work.session))[KEY]
        books = await Books.opened(self._replica.database, self.work, lambda _: None)
        after, self.kept = netted(before, self._due)
        entries = Entries()
        entries.add("merchant:held/m1", -self._due)
        entries.add("merchant:in_transit/m1", self._due - self.kept)
        entries.add(DEBT, self.kept)
        books.post(self._order, "release", entries.closed(), f"cause of {self._order.order_id}")
        books.close()
        guards.change(self.work, KEY, before, after)

    async def write(self) -> None:
        await self.work.write(self._replica.database)


@asynccontextmanager
async def netting(replica: Replica, place: int, due_minor: int) -> AsyncIterator[Netting]:
    """Open such a transaction on one of the two stripes; leaving commits it."""
    async with await replica.database.client.start_session() as session:
        stripe = STRIPES[place]
        work = Work(service="split", session=session, stripe=stripe, group=stripe, now=datetime.now(UTC))
        async with mongo.start_transaction(session):
            yield Netting(replica, work, str(place), due_minor)


async def change(replica: Replica, key: str, after: Guard) -> None:
    """Commit one change of a guard."""

    async def decide(work: Work) -> None:
        guards = Guards(replica.database)
        guards.change(work, key, (await guards.load([key], work.session))[key], after)

    await replica.commits.run(decide)


async def stored(replica: Replica, key: str = KEY) -> Guard:
    async with await replica.database.client.start_session() as session:
        return (await Guards(replica.database).load([key], session))[key]


async def owe(replica: Replica, amount_minor: int) -> None:
    """Make debt, in the books and in the guard."""

    async def decide(work: Work) -> None:
        guards = Guards(replica.database)
        before = (await guards.load([KEY], work.session))[KEY]
        books = await Books.opened(replica.database, work, lambda _: None)
        order = Order(marketplace="test-a", order_id="9", currency="BRL", channel_profile="p", channel_account="a")
        books.post(order, "settle", {DEBT: -amount_minor, "platform:advance": amount_minor}, "cause of debt")
        books.close()
        guards.change(work, KEY, before, owing(before, amount_minor, NOW))

    await replica.commits.run(decide)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("committed", [True, False], ids=["committed before the other writes", "still open"])
async def test_one_debt_is_netted_once_by_two_stripes_at_once(replica: Replica, first: int, *, committed: bool) -> None:
    """Both read the same debt; whoever writes second is refused, runs again, and sees what is left of it."""
    await owe(replica, 1_000)
    async with netting(replica, 1 - first, 800) as late:
        async with netting(replica, first, 700) as early:
            await early.decide()
            await late.decide()
            assert (early.kept, late.kept) == (700, 800)
            await early.write()
            if not committed:
                await refused(late)
        if committed:
            await refused(late)
    assert (await stored(replica)).debt_minor == 300
    async with netting(replica, 1 - first, 800) as again:
        await again.decide()
        assert again.kept == 300
        await again.write()
    assert await stored(replica) == Guard(version=3)
    assert await replica.balances() == {
        "merchant:held/m1": -1_500,
        "merchant:in_transit/m1": 500,
        "platform:advance": 1_000,
    }
    kept = {it["order"]: it["entries"][DEBT] for it in await replica.booked()}
    assert kept == {f"test-a/{first}": 700, f"test-a/{1 - first}": 300, "test-a/9": -1_000}
    assert await replica.database.links.count_documents({}) == 3


async def refused(late: Netting) -> None:
    """Let the second write; nothing of it may stay."""
    with pytest.raises(PyMongoError) as conflict:
        await late.write()
    assert mongo.is_conflict(conflict.value)
    await late.work.session.abort_transaction()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("committed", [True, False])
async def test_two_that_both_make_the_guard_meet_as_well(replica: Replica, first: int, *, committed: bool) -> None:
    async with netting(replica, 1 - first, 800) as late:
        async with netting(replica, first, 700) as early:
            await early.decide()
            await late.decide()
            await early.write()
            if not committed:
                await refused(late)
        if committed:
            await refused(late)
    assert await stored(replica) == Guard(version=1)
    assert await replica.database.links.count_documents({}) == 1


async def test_a_decision_that_changes_nothing_still_meets_another(replica: Replica) -> None:
    await change(replica, KEY, FRESH)
    await change(replica, KEY, Guard(version=1))
    assert (await stored(replica)).version == 2


async def test_a_guard_is_read_in_the_snapshot_of_its_unit(replica: Replica) -> None:
    async with netting(replica, 0, 1) as late:
        await Books.opened(replica.database, late.work, lambda _: None)
        await change(replica, KEY, Guard(debt_minor=5, debt_since=NOW))
        await late.decide()
        assert late.kept == 0
        await refused(late)


async def test_what_is_read_is_what_was_written_and_what_is_not_there_is_fresh(replica: Replica) -> None:
    guard = Guard(debt_minor=5, debt_since=NOW, taken_minor=6, reserve_minor=7, cap_day="2026-03-01")
    await change(replica, KEY, guard)
    other = key_of("test-a", "m1", "JPY")
    async with await replica.database.client.start_session() as session:
        found = await Guards(replica.database).load([other, KEY], session)
    written = Guard(version=1, debt_minor=5, debt_since=NOW, taken_minor=6, reserve_minor=7, cap_day="2026-03-01")
    assert found == {KEY: written, other: FRESH}
    await change(replica, KEY, FRESH)
    assert await stored(replica) == Guard(version=2)
    assert set(await replica.database.guards.find_one({"_id": KEY}) or {}) == {
        *("_id", "version", "marketplace", "debt_minor", "taken_minor", "reserve_minor"),
    }


async def test_a_guard_that_is_gone_meanwhile_makes_the_unit_run_again(replica: Replica) -> None:
    async with await replica.database.client.start_session() as session:
        work = Work(service="split", session=session, stripe="a#0", group="a", now=NOW)
        Guards(replica.database).change(work, KEY, Guard(version=3), FRESH)
        with pytest.raises(CompareFailedError):
            await work.write(replica.database)


async def test_the_oldest_debt_of_all_is_known(replica: Replica) -> None:
    guards, hour = Guards(replica.database), timedelta(hours=1)
    assert await guards.debt_since() is None
    for merchant, age in (("test-a/m1", 3), ("test-b/m2", 5), ("test-a/m3", 4)):
        await change(replica, f"{merchant}/BRL", Guard(debt_minor=age, debt_since=NOW - age * hour))
    assert await guards.debt_since() == NOW - 5 * hour
    await change(replica, "test-b/m2/BRL", FRESH)
    assert await guards.debt_since() == NOW - 4 * hour
