"""Blocks: what shares one, where one ends, and pages of entries that begin and end inside one."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.split.replica import Replica

from shared.work import Work
from split.domain.orders import Order
from split.store.accounts import Accounts, Posted
from split.store.blocks import ENTRIES_MAX, TRANSACTIONS_MAX, place_of, transaction_id
from split.store.books import Books

PLAIN = Order(
    marketplace="test-a", order_id="1", currency="BRL", channel_profile="sandbox-direct", channel_account="test-a"
)
DOTTED = "merchant:held/$a.b%2E."
HOLDING = {"channel:clearing/test-a": -5, DOTTED: 5}

type Booking = tuple[Order, dict[str, int]]


def order(number: int, **fields: str) -> Order:
    return msgspec.structs.replace(PLAIN, order_id=str(number), **fields)


def wide(receivers: int) -> dict[str, int]:
    """Return the entries of an order with so many receivers."""
    return {"channel:clearing/test-a": -receivers, **{f"merchant:held/{number}": 1 for number in range(receivers)}}


async def book(replica: Replica, *bookings: Booking, stripe: str = "a#0") -> None:
    """Commit one unit of work with these transactions."""

    async def decide(work: Work) -> None:
        books = await Books.opened(replica.database, work, lambda _: None)
        for booked, entries in bookings:
            books.post(booked, "split", entries, f"cause of {booked.order_id}")
        books.close()

    await replica.commits.commit(decide, stripe=stripe, group="split.test")


async def stored(replica: Replica) -> list[list[str]]:
    """Return the orders of each block, in the order of ids."""
    blocks = [it async for it in replica.database.blocks.find().sort("_id", 1)]
    for it in blocks:
        assert it["accounts"] == sorted({name for booked in it["transactions"] for name in booked["entries"]})
    link = await replica.database.links.find_one({}) or {}
    assert sorted(it["id"] for it in link["blocks"]) == [it["_id"] for it in blocks]
    return [[booked["order"].partition("/")[2] for booked in it["transactions"]] for it in blocks]


async def walked(replica: Replica, account: str, limit: int, currency: str = "BRL") -> list[Posted]:
    """Read all pages of an account's entries."""
    accounts, found, after = Accounts(replica.database), list[Posted](), None
    while page := await accounts.entries("test-a", account, currency, after, limit):
        assert len(page) <= limit
        found += page
        after = page[-1].transaction_id
    return found


async def test_a_block_takes_so_many_transactions_and_no_more(replica: Replica) -> None:
    await book(replica, *((order(number), HOLDING) for number in range(TRANSACTIONS_MAX * 2 + 1)))
    numbers = [str(number) for number in range(TRANSACTIONS_MAX * 2 + 1)]
    assert await stored(replica) == [
        numbers[:TRANSACTIONS_MAX],
        numbers[TRANSACTIONS_MAX : TRANSACTIONS_MAX * 2],
        numbers[TRANSACTIONS_MAX * 2 :],
    ]


async def test_a_block_takes_so_many_entries_and_no_more(replica: Replica) -> None:
    half = wide(ENTRIES_MAX // 2 - 1)
    await book(replica, (order(1), half), (order(2), half), (order(3), HOLDING), (order(4), half), (order(5), half))
    assert await stored(replica) == [["1", "2"], ["3", "4"], ["5"]]


async def test_a_transaction_of_more_entries_than_a_block_takes_has_one_to_itself(replica: Replica) -> None:
    large = wide(ENTRIES_MAX + 1)
    await book(replica, (order(1), HOLDING), (order(2), large), (order(3), HOLDING), (order(4), HOLDING))
    assert await stored(replica) == [["1"], ["2"], ["3", "4"]]
    assert len(await walked(replica, DOTTED, 100)) == 3


async def test_marketplaces_and_currencies_never_share_a_block(replica: Replica) -> None:
    others = [order(2, currency="JPY"), order(3, marketplace="test-b"), order(4), order(5, currency="JPY")]
    await book(replica, (order(1), HOLDING), *((it, HOLDING) for it in others))
    assert await stored(replica) == [["1", "4"], ["2", "5"], ["3"]]
    assert [it.order for it in await walked(replica, DOTTED, 10)] == ["test-a/1", "test-a/4"]
    assert [it.order for it in await walked(replica, DOTTED, 10, "JPY")] == ["test-a/2", "test-a/5"]


async def test_two_units_never_share_a_block(replica: Replica) -> None:
    await book(replica, (order(1), HOLDING))
    await book(replica, (order(2), HOLDING))
    assert await replica.database.blocks.count_documents({}) == 2


@pytest.mark.parametrize("limit", [1, 7, TRANSACTIONS_MAX, TRANSACTIONS_MAX + 1, 500])
async def test_pages_across_and_inside_blocks_have_no_gap_and_no_repeat(replica: Replica, limit: int) -> None:
    """Every third transaction is of another account, and two stripes book by turns."""
    for part, stripe in enumerate(("a#0", "b#0", "a#0")):
        numbers = range(part * 120, part * 120 + 120)
        bookings = [(order(it), HOLDING if it % 3 else wide(2)) for it in numbers]
        await book(replica, *bookings, stripe=stripe)
    of_one = await walked(replica, DOTTED, limit)
    assert [it.order for it in of_one] == [f"test-a/{number}" for number in range(360) if number % 3]
    of_all = await walked(replica, "channel:clearing/test-a", limit)
    assert [it.order for it in of_all] == [f"test-a/{number}" for number in range(360)]
    assert [it.amount_minor for it in of_all] == [-5 if number % 3 else -2 for number in range(360)]
    identities = [it.transaction_id for it in of_all]
    assert identities == sorted(set(identities))
    assert len({identity.partition(".")[0] for identity in identities}) == 9


async def test_an_entry_says_what_its_transaction_is(replica: Replica) -> None:
    before = datetime.now(UTC)
    await book(replica, (order(1), HOLDING), (order(2), {DOTTED: -(2**40), "platform:fee": 2**40}))
    block = await replica.database.blocks.find_one({}) or {}
    first, second = await walked(replica, DOTTED, 10)
    named = (block["_id"] + ".00", "split", "test-a/1", "cause of 1", block["at"], 5)
    assert (first, abs((first.at - before).total_seconds()) < 60) == (Posted(*named), True)
    assert (second.transaction_id, second.amount_minor) == (block["_id"] + ".01", -(2**40))


@pytest.mark.parametrize(
    "account", ["merchant:held/$a", "merchant:held/$a.b", "held", "", "$$ROOT", "accounts", "a\0b"]
)
async def test_a_name_that_is_no_account_has_no_entries(replica: Replica, account: str) -> None:
    await book(replica, (order(1), HOLDING))
    assert await walked(replica, account, 10) == []


@pytest.mark.parametrize("after", ["", ".", ".00", "x", "0.-1", "0.1", "0.001", "0.١٢", f"0.{2**70}", "0.0\n"])
async def test_what_is_no_transactions_id_is_a_place_before_or_after_all(replica: Replica, after: str) -> None:
    await book(replica, (order(1), HOLDING))
    found = await Accounts(replica.database).entries("test-a", DOTTED, "BRL", after, 10)
    assert len(found) == (0 if after == "x" else 1)


@given(st.uuids(), st.integers(0, TRANSACTIONS_MAX - 1))
def test_an_id_says_its_block_and_place(block: object, place: int) -> None:
    assert place_of(transaction_id(str(block), place)) == (str(block), place)


def test_ids_sort_by_their_places() -> None:
    identities = [transaction_id("b", place) for place in range(TRANSACTIONS_MAX)]
    assert identities == sorted(identities)
