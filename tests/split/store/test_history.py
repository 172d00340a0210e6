"""The past of the ledger: whatever checkpoints there are, it is what adding everything up says."""

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from tests.split.bookkeeping import ACCOUNTS, BEGIN, DAY, HOUR, Made, book, fill, held
from tests.split.replica import Replica
from tests.split.watched import Watched

from split.domain.periods import Period
from split.store.blocks import TRANSACTIONS_MAX
from split.store.checkpoints import Checkpoints
from split.store.history import BLOCKS_PER_FETCH, GroupSums, History

MILLISECOND = timedelta(milliseconds=1)
END = BEGIN + 5 * DAY


def grouped(balances: dict[str, int]) -> list[GroupSums]:
    found = []
    for group, names in itertools.groupby(sorted(balances), lambda it: it.partition("/")[0]):
        amounts = [balances[name] for name in names]
        debit, credit = -sum(min(it, 0) for it in amounts), sum(max(it, 0) for it in amounts)
        found.append(GroupSums(group, len(amounts), debit, credit))
    return found


def shown(found: Sequence[GroupSums]) -> list[GroupSums]:
    """Leave out kinds of accounts in which nothing is held any more."""
    return [it for it in found if it.accounts]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_balance_of_the_past_is_the_sum_of_the_entries_before_it(replica: Replica, seed: int) -> None:
    made = await fill(replica.database, seed)
    draw, history = random.Random(seed), History(replica.database)
    moments = [BEGIN + draw.randrange(-3600, 5 * 24 * 3600) * timedelta(seconds=1) for _ in range(12)]
    moments += [it.at + by for it in draw.sample(made, 3) for by in (-MILLISECOND, timedelta(), MILLISECOND)]
    for round_ in range(2):
        for moment in moments:
            wanted = held(made, moment)
            for account in (*ACCOUNTS, "merchant:available/m9", "merchant:held/nobody"):
                there = await history.balance("test-a", account, "BRL", moment)
                assert there == wanted.get(account, 0), (round_, moment, account)
            assert shown(await history.sums("test-a", "BRL", moment)) == grouped(wanted)
        for _ in range(4):
            assert await replica.parts.checkpoints.make("test-a", "BRL", BEGIN + draw.randrange(120) * HOUR)
    assert shown(await history.sums("test-a", "BRL", None)) == grouped(held(made, END))


async def test_a_checkpoint_is_used_and_not_only_kept(replica: Replica) -> None:
    await fill(replica.database, 4)
    moment = BEGIN + 3 * DAY
    before = await History(replica.database).balance("test-a", ACCOUNTS[0], "BRL", moment + HOUR)
    await replica.parts.checkpoints.make("test-a", "BRL", moment)
    await replica.database.blocks.delete_many({"at": {"$lt": moment}})
    assert await History(replica.database).balance("test-a", ACCOUNTS[0], "BRL", moment + HOUR) == before
    sums = await History(replica.database).sums("test-a", "BRL", moment + HOUR)
    assert sum(it.credit_minor - it.debit_minor for it in sums) == 0
    assert await History(replica.database).balance("test-a", ACCOUNTS[0], "BRL", moment - HOUR) == 0


async def test_a_checkpoint_without_its_mark_does_not_count(replica: Replica) -> None:
    made = await fill(replica.database, 5)
    moment = BEGIN + 2 * DAY
    await replica.parts.checkpoints.make("test-a", "BRL", moment)
    await replica.database.checkpoints.delete_many({})
    await replica.database.checkpoint_balances.update_many({}, {"$set": {"amounts": {}}})
    found = await History(replica.database).balance("test-a", ACCOUNTS[0], "BRL", END)
    assert found == held(made, END)[ACCOUNTS[0]]


async def test_checkpoints_of_other_marketplaces_currencies_and_later_ones_are_not_taken(replica: Replica) -> None:
    await fill(replica.database, 6, units=4)
    marks = Checkpoints(replica.database)
    for marketplace, currency, days in (("test-a", "BRL", 2), ("test-a", "BRL", 4), ("test-b", "BRL", 3)):
        await replica.parts.checkpoints.make(marketplace, currency, BEGIN + days * DAY)
    assert await marks.before("test-a", "BRL", BEGIN + 2 * DAY - MILLISECOND) is None
    assert await marks.before("test-a", "BRL", BEGIN + 2 * DAY) == BEGIN + 2 * DAY
    assert await marks.before("test-a", "BRL", BEGIN + 3 * DAY) == BEGIN + 2 * DAY
    assert await marks.before("test-a", "BRL", END) == BEGIN + 4 * DAY
    assert await marks.before("test-a", "JPY", END) is None
    assert await marks.before("test", "BRL", END) is None
    assert await marks.before("test-a", "BRL", datetime.min.replace(tzinfo=UTC)) is None


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_a_period_has_its_entries_once_however_they_are_paged(replica: Replica, limit: int) -> None:
    made = await fill(replica.database, 7, units=12)
    history, account = History(replica.database), ACCOUNTS[2]
    since, until = made[len(made) // 4].at, made[len(made) * 3 // 4].at
    for period in (Period(since, until), Period(since + MILLISECOND, until), Period(since, since), Period(BEGIN, END)):
        found, after = [], None
        while page := await history.entries("test-a", account, "BRL", period, after, limit):
            assert len(page) <= limit
            found += page
            after = page[-1].transaction_id
        inside = [it for it in made if period.since <= it.at < period.until and account in it.entries]
        assert sorted((it.order, it.amount_minor) for it in found) == sorted(
            (f"test-a/{it.order_id}", it.entries[account]) for it in inside
        )
        assert [it.at for it in found] == [it.at for it in inside]
        assert await history.entries("test-a", account, "BRL", period, "0", limit) == found[:limit]


async def test_the_journal_has_all_entries_of_a_period_in_one_order(replica: Replica) -> None:
    made = await fill(replica.database, 8, units=25)
    period = Period(made[100].at, made[-100].at)
    pieces = [piece async for piece in History(replica.database).journal("test-a", "BRL", period)]
    rows = [row for piece in pieces for row in piece]
    inside = [it for it in made if period.since <= it.at < period.until]
    assert sorted((it.order, it.account, it.amount_minor) for it in rows) == sorted(
        (f"test-a/{it.order_id}", account, amount) for it in inside for account, amount in it.entries.items()
    )
    identities = [it.transaction_id for it in rows]
    assert identities == sorted(identities)
    assert [it.at for it in rows] == sorted(it.at for it in rows)
    again = [row async for piece in History(replica.database).journal("test-a", "BRL", period) for row in piece]
    assert again == rows
    assert len(pieces) > 1


async def test_what_one_unit_books_stands_in_the_order_of_booking(replica: Replica) -> None:
    entries = {"a": 1, "b": -1}
    made = [Made(BEGIN, f"{number}", entries) for number in range(600)]
    await book(replica.database, BEGIN, made)
    rows = [
        row async for piece in History(replica.database).journal("test-a", "BRL", Period(BEGIN, END)) for row in piece
    ]
    assert [it.order for it in rows] == [f"test-a/{number}" for number in range(600) for _ in entries]


async def test_the_journal_of_100_000_entries_is_read_in_pieces(watched: Watched) -> None:
    """What is in memory at once is one piece, and MongoDB is asked for the next when that is done with."""
    six = {f"merchant:held/{number}": 1 for number in range(5)} | {"channel:clearing/test-a": -5}
    for unit in range(17):
        made = [Made(BEGIN, f"{unit}.{place}", six) for place in range(1_000)]
        await book(watched.database, BEGIN + unit * HOUR, made)
    watched.sizes.clear()
    rows = pieces = 0
    async for piece in History(watched.database).journal("test-a", "BRL", Period(BEGIN, END)):
        assert len(piece) <= BLOCKS_PER_FETCH * TRANSACTIONS_MAX * len(six)
        rows, pieces = rows + len(piece), pieces + 1
        assert len(watched.sizes) == pieces
    assert rows == 102_000
    assert max(watched.sizes) <= BLOCKS_PER_FETCH
    assert pieces == 68
