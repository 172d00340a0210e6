"""The ledger's documents: one link a unit, balances per stripe, and a head that only one writer can move."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica

from shared.commits import ConflictError
from shared.work import Work
from split.domain.ledger import GENESIS, Block, Transaction, link_hash
from split.domain.orders import Order
from split.store.balances import kept_in
from split.store.books import Books

ORDER = Order(
    marketplace="test-a", order_id="1", currency="BRL", channel_profile="sandbox-direct", channel_account="test-a"
)
ENTRIES = {"channel:clearing/test-a": -5, "merchant:held/m1": 5}


async def book(replica: Replica, stripe: str, times: int = 1) -> None:
    """Commit one unit of work on a stripe that books a transaction some times."""

    async def decide(work: Work) -> None:
        books = await Books.opened(replica.database, work, lambda _: None)
        for _ in range(times):
            books.post(ORDER, "split", ENTRIES, "cause")
        books.close()

    await replica.commits.commit(decide, stripe=stripe, group="split.test")


async def test_each_unit_adds_one_link_that_lists_what_it_booked(replica: Replica) -> None:
    await book(replica, "a#0", times=2)
    await book(replica, "a#0")
    first, second = [it async for it in replica.database.links.find().sort("seq", 1)]
    assert [first["_id"], second["_id"]] == ["a#0/1", "a#0/2"]
    assert bytes(first["previous"]) == GENESIS
    assert bytes(second["previous"]) == bytes(first["hash"])
    for link in (first, second):
        listed = [(it["id"], bytes(it["hash"])) for it in link["blocks"]]
        assert link_hash(bytes(link["previous"]), link["seq"], listed) == bytes(link["hash"])
    head = await replica.database.heads.find_one({"_id": "a#0"}) or {}
    assert (head["seq"], bytes(head["hash"])) == (2, bytes(second["hash"]))


async def test_a_stored_block_has_the_hash_that_its_link_lists(replica: Replica) -> None:
    await book(replica, "a#0", times=2)
    stored = await replica.database.blocks.find_one({}) or {}
    booked = tuple(Transaction(**it) for it in stored["transactions"])
    again = Block(
        id=stored["_id"],
        at_ms=round((stored["at"] - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000),
        accounts=tuple(stored["accounts"]),
        transactions=booked,
        **{name: stored[name] for name in ("marketplace", "currency", "stripe")},
    )
    assert booked == (Transaction(order="test-a/1", cause="cause", kind="split", entries=ENTRIES),) * 2
    assert again.hash() == bytes(stored["hash"])
    link = await replica.database.links.find_one({}) or {}
    assert link["blocks"] == [{"id": stored["_id"], "hash": stored["hash"]}]


async def test_a_balance_is_kept_in_each_stripe(replica: Replica) -> None:
    await book(replica, "a#0", times=3)
    await book(replica, "b#0")
    await book(replica, "a#0")
    stored = {
        (account, it["_id"].rsplit("|", 1)[1]): amount
        async for it in replica.database.balances.find()
        for _, _, account, amount in kept_in(it)
    }
    assert stored == {
        ("channel:clearing/test-a", "a#0"): -20,
        ("merchant:held/m1", "a#0"): 20,
        ("channel:clearing/test-a", "b#0"): -5,
        ("merchant:held/m1", "b#0"): 5,
    }


@pytest.mark.parametrize("links_before", [0, 1])
async def test_of_two_writers_of_one_stripe_only_one_moves_its_head(replica: Replica, links_before: int) -> None:
    for _ in range(links_before):
        await book(replica, "a#0")
    barrier = asyncio.Barrier(2)
    both = (_with_barrier(replica, barrier), _with_barrier(replica, barrier))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [ConflictError]
    assert await replica.database.links.count_documents({}) == links_before + 1


async def _with_barrier(replica: Replica, barrier: asyncio.Barrier) -> None:
    """Book on stripe a#0 so that all units of this barrier have read the head before one writes."""

    async def decide(work: Work) -> None:
        books = await Books.opened(replica.database, work, lambda _: None)
        books.post(ORDER, "split", ENTRIES, "cause")
        books.close()
        await barrier.wait()

    await replica.commits.commit(decide, stripe="a#0", group="split.test")


async def test_a_unit_without_entries_leaves_the_chain_alone(replica: Replica) -> None:
    async def decide(work: Work) -> None:
        books = await Books.opened(replica.database, work, lambda _: None)
        books.post(ORDER, "split", {}, "cause")
        books.close()

    await replica.commits.commit(decide, stripe="a#0", group="split.test")
    assert await replica.database.heads.count_documents({}) == 0


async def test_what_is_written_to_balances_is_measured(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order(line(1, 1_000)))
    assert replica.sample("weir_ledger_imbalance") == 0
    seen: list[int] = []

    async def decide(work: Work) -> None:
        books = await Books.opened(replica.database, work, seen.append)
        books.post(ORDER, "split", {"a": 5, "b": -4}, "cause")
        books.close()

    await replica.commits.commit(decide, stripe="b#0", group="split.test")
    assert seen == [1]
