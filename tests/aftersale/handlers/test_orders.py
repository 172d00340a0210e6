"""Copies of orders on a real MongoDB: the two topics about an order meet in one document, whichever comes first."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from tests.aftersale.conftest import Published
from tests.aftersale.examples import at, batch, order, received, rejection

from aftersale.handlers import OrderHandlers
from aftersale.store.orders import Known, Orders
from shared.commits import Commits
from shared.messages import OrderPaid, OrderRejected, body_hash, encode
from shared.mongo import Database, Session
from shared.record import Received

pytestmark = pytest.mark.infra

KEY = "test-shop/o-1"


async def pay(commits: Commits, orders: Orders, *events: Received[OrderPaid]) -> None:
    await commits.run(lambda work: OrderHandlers(orders).copy_orders(batch(*events), work))


async def reject(commits: Commits, orders: Orders, *events: Received[OrderRejected]) -> None:
    await commits.run(lambda work: OrderHandlers(orders).reject_orders(batch(*events), work))


async def stored(database: Database, key: str = KEY) -> dict[str, Any]:
    found = await database.orders.find_one({"_id": key})
    assert found is not None
    return found


async def test_a_paid_order_is_kept_as_it_came(commits: Commits, orders: Orders, database: Database) -> None:
    await pay(commits, orders, received(order(), 1))
    found = await stored(database)
    assert found.pop("changed_at") is not None
    assert found == {
        "_id": KEY,
        "marketplace": "test-shop",
        "order_id": "o-1",
        "state": "paid",
        "hash": body_hash(order()),
        "body": encode(order()),
        "claimed_at": at(1),
        "rejection": None,
        "others": [],
        "version": 1,
    }


async def test_the_same_order_a_hundred_times_is_written_once(
    commits: Commits, orders: Orders, database: Database, published: Published
) -> None:
    await pay(commits, orders, *(received(order(), it) for it in range(50)))
    await pay(commits, orders, *(received(order(), it) for it in range(50)))
    assert (await stored(database))["version"] == 1
    assert published.topics == []


async def test_another_body_is_a_dead_letter_and_the_first_stands(
    commits: Commits, orders: Orders, database: Database, published: Published
) -> None:
    await pay(commits, orders, received(order(), 1), received(order(sku="other"), 2), received(order("o-2"), 2))
    assert (await stored(database))["hash"] == body_hash(order())
    assert (await stored(database, "test-shop/o-2"))["state"] == "paid"
    assert published.topics == ["order-paid.aftersale.dlq"]


@pytest.mark.parametrize("first", ["order", "rejection"])
async def test_a_rejected_order_is_marked_whichever_of_both_comes_first(
    first: str, commits: Commits, orders: Orders, database: Database
) -> None:
    if first == "order":
        await pay(commits, orders, received(order(), 1))
        await reject(commits, orders, received(rejection(), 1))
    else:
        await reject(commits, orders, received(rejection(), 1))
        assert (await stored(database))["state"] == "stub"
        await pay(commits, orders, received(order(), 1))
    found = await stored(database)
    assert (found["state"], found["body"]) == ("rejected", encode(order()))
    assert (found["rejection"]["reason"], found["rejection"]["rejected_at"]) == ("amount_mismatch", at(0.5))


async def test_a_corrected_order_is_paid_and_late_repeats_leave_it_so(
    commits: Commits, orders: Orders, database: Database, published: Published
) -> None:
    corrected = order(sku="corrected")
    await pay(commits, orders, received(order(), 1))
    await reject(commits, orders, received(rejection(), 1))
    await pay(commits, orders, received(corrected, 9))
    await reject(commits, orders, received(rejection(), 1))
    await pay(commits, orders, received(order(), 1), received(corrected, 9))
    found = await stored(database)
    assert (found["state"], found["body"]) == ("paid", encode(corrected))
    assert published.topics == []


async def test_a_correction_that_overtook_the_rejection_stands_once_that_arrives(
    commits: Commits, orders: Orders, database: Database
) -> None:
    corrected = order(sku="corrected")
    await pay(commits, orders, received(order(), 1))
    await pay(commits, orders, received(corrected, 9))
    await reject(commits, orders, received(rejection(second=2), 1))
    found = await stored(database)
    assert (found["state"], found["body"], found["others"]) == ("paid", encode(corrected), [])


async def test_a_rejection_is_matched_although_its_origin_was_kept_to_the_millisecond(
    commits: Commits, orders: Orders, database: Database
) -> None:
    await pay(commits, orders, received(order(), 1.000_999))
    await reject(commits, orders, received(rejection(), 1.000))
    assert (await stored(database))["state"] == "rejected"


class Meeting(Orders):
    """Lets two units of work read before either writes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads = 0
        self._both_have_read = asyncio.Barrier(2)

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, Known]:
        self.reads += 1
        first = self.reads <= 2
        found = await super().known(keys, session)
        if first:
            await self._both_have_read.wait()
        return found


async def test_of_two_open_transactions_about_a_new_order_one_runs_again(commits: Commits, database: Database) -> None:
    meeting = Meeting(database)
    await asyncio.gather(
        pay(commits, meeting, received(order(), 1)), reject(commits, meeting, received(rejection(), 1))
    )
    assert (await stored(database))["state"] == "rejected"
    assert meeting.reads == 3


async def test_of_two_open_transactions_about_a_known_order_one_runs_again(
    commits: Commits, orders: Orders, database: Database
) -> None:
    await pay(commits, orders, received(order(), 1))
    meeting = Meeting(database)
    corrected = order(sku="corrected")
    await asyncio.gather(
        pay(commits, meeting, received(corrected, 9)), reject(commits, meeting, received(rejection(second=2), 1))
    )
    found = await stored(database)
    assert (found["state"], found["body"]) == ("paid", encode(corrected))
    assert meeting.reads == 3


async def test_a_batch_is_one_read_and_one_write_an_order(commits: Commits, database: Database) -> None:
    meeting = Meeting(database)
    meeting.reads = 2
    events = [received(order(f"o-{it // 2}"), 1) for it in range(500)]
    await pay(commits, meeting, *events)
    assert meeting.reads == 3
    assert await database.orders.count_documents({"version": 1}) == 250
