"""The sweep that keeps checkpoints: when one is worth it, of which moment, and what it refuses to keep."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.split.bookkeeping import ACCOUNTS, BEGIN, HOUR, Made, book, fill, held
from tests.split.replica import Replica

from shared import leases
from split.domain.periods import FINAL_AFTER
from split.store import checkpoints
from split.store.checkpoints import Checkpoints
from split.store.history import History

ENTRIES = {"merchant:held/m1": 5, "channel:clearing/test-a": -5}
QUARTER = timedelta(minutes=15)


async def marks(replica: Replica) -> list[str]:
    return [it["_id"].rsplit("|", 1)[0] async for it in replica.database.checkpoints.find().sort("_id", 1)]


async def book_one(replica: Replica, at: datetime, **fields: str) -> None:
    await book(replica.database, at, [Made(at, "1", ENTRIES)], **fields)


async def test_a_first_checkpoint_is_made_of_the_last_whole_quarter_that_is_final(replica: Replica) -> None:
    for fields in ({}, {"currency": "JPY"}, {"marketplace": "test-b"}):
        await book_one(replica, BEGIN, **fields)
    assert await replica.parts.checkpoints.once() == 3
    assert await marks(replica) == ["test-a|BRL", "test-a|JPY", "test-b|BRL"]
    final = await leases.now(replica.database) - FINAL_AFTER
    moment = await Checkpoints(replica.database).before("test-a", "BRL", final)
    assert moment is not None
    assert timedelta() <= final - moment < QUARTER
    assert (moment - datetime(1970, 1, 1, tzinfo=UTC)) % QUARTER == timedelta()
    assert await replica.parts.checkpoints.once() == 0


async def test_nothing_is_kept_of_books_that_stand_still_or_are_not_final(replica: Replica) -> None:
    now = await leases.now(replica.database)
    await book_one(replica, now)
    assert await replica.parts.checkpoints.once() == 0
    await replica.parts.checkpoints.make("test-a", "BRL", BEGIN)
    assert await Checkpoints(replica.database).wanted("test-a", "BRL", BEGIN + 100 * HOUR) is False
    assert await History(replica.database).balance("test-a", "merchant:held/m1", "BRL", now) == 0


@pytest.mark.parametrize(
    ("hours", "blocks", "wanted"), [(1, 2, False), (1, 3, True), (23, 2, False), (24, 1, True), (24, 0, False)]
)
async def test_the_next_is_made_after_so_many_blocks_or_a_day_with_any(
    replica: Replica, monkeypatch: pytest.MonkeyPatch, hours: int, blocks: int, *, wanted: bool
) -> None:
    monkeypatch.setattr(checkpoints, "BLOCKS_BETWEEN", 3)
    await book_one(replica, BEGIN - HOUR)
    await replica.parts.checkpoints.make("test-a", "BRL", BEGIN)
    for number in range(blocks):
        await book_one(replica, BEGIN + number * QUARTER)
    await book_one(replica, BEGIN + hours * HOUR)
    assert await Checkpoints(replica.database).wanted("test-a", "BRL", BEGIN + hours * HOUR) is wanted


async def test_making_one_again_says_the_same(replica: Replica) -> None:
    made = await fill(replica.database, 11, units=10)
    moment = BEGIN + 60 * HOUR
    await replica.parts.checkpoints.make("test-a", "BRL", moment)
    first = [it async for it in replica.database.checkpoint_balances.find().sort("_id", 1)]
    await book_one(replica, moment)
    await replica.parts.checkpoints.make("test-a", "BRL", moment)
    assert [it async for it in replica.database.checkpoint_balances.find().sort("_id", 1)] == first
    assert (
        await History(replica.database).balance("test-a", ACCOUNTS[0], "BRL", moment) == held(made, moment)[ACCOUNTS[0]]
    )


async def test_accounts_that_do_not_sum_to_zero_are_not_kept(replica: Replica) -> None:
    await book_one(replica, BEGIN)
    await replica.database.balances.update_one({}, {"$inc": {"amounts.merchant:held/m1": 1}})
    assert await replica.parts.checkpoints.once() == 0
    assert await marks(replica) == []


async def test_many_accounts_are_kept_in_units_of_some_groups(replica: Replica) -> None:
    entries = {f"merchant:held/{number}": number for number in range(1, 400)}
    entries["channel:clearing/test-a"] = -sum(entries.values())
    await book(replica.database, BEGIN, [Made(BEGIN, "1", entries)])
    assert await replica.parts.checkpoints.make("test-a", "BRL", BEGIN + HOUR)
    assert await replica.database.checkpoint_balances.count_documents({}) > 100
    history = History(replica.database)
    await replica.database.blocks.delete_many({})
    for account in ("merchant:held/1", "merchant:held/399", "channel:clearing/test-a"):
        assert await history.balance("test-a", account, "BRL", BEGIN + HOUR) == entries[account]
