"""Payout-settled on a real MongoDB."""

import msgspec
import pytest
from pymongo.errors import PyMongoError
from tests.split.examples import agreement, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared import mongo
from shared.messages import Adjustment, PayoutRequested

DISCOUNT = Adjustment(kind="discount", amount_minor=-100, party="platform:marketing")
ORDER = paid_order(line(1, 1_000), adjustments=(DISCOUNT,))


@pytest.fixture
async def payout(replica: Replica) -> PayoutRequested:
    await replica.take(merchant("m1", agreement()), ORDER)
    (payout,) = replica.published.payouts()
    return payout


async def test_a_settled_payout_empties_the_books_of_its_order(replica: Replica, payout: PayoutRequested) -> None:
    assert (await replica.balances())["platform:marketing"] == -100
    await replica.take(settled(payout))
    assert await replica.balances() == {}
    assert {state for state, _, _ in (await replica.shares()).values()} == {"paid"}
    assert (await replica.order())["subsidies"][0]["state"] == "succeeded"
    assert (await replica.order())["revisions"] == {"1": 1}


async def test_a_revision_is_applied_once_and_an_older_one_never(replica: Replica, payout: PayoutRequested) -> None:
    failed, late = settled(payout, "failed", revision=2), settled(payout, "succeeded", revision=1)
    await replica.take(failed, failed, late)
    await replica.take(failed)
    await replica.take(late)
    assert (await replica.shares())["merchant:m1"] == ("available", "failed", 880)
    assert [it["kind"] for it in await replica.booked()] == ["split", "settle"]
    assert await replica.balances() == {
        "channel:clearing/test-a": -900,
        "merchant:available/m1": 880,
        "platform:commission": 120,
        "platform:marketing": -100,
    }


async def test_revisions_of_one_batch_build_on_each_other(replica: Replica, payout: PayoutRequested) -> None:
    await replica.take(settled(payout, "sending"), settled(payout, "succeeded", revision=2))
    assert await replica.balances() == {}
    assert (await replica.order())["revisions"] == {"1": 2}


async def test_what_the_order_cannot_take_is_parked_and_other_orders_go_on(
    replica: Replica, payout: PayoutRequested
) -> None:
    await replica.take(paid_order(line(1, 500), order_id="2"))
    other = replica.published.payouts()[-1]
    wrong = msgspec.structs.replace(settled(payout), payout_id="o:1.7")
    await replica.take(wrong, settled(other))
    assert await replica.database.parks.count_documents({"_id": "test-a/1"}) == 1
    assert (await replica.shares())["merchant:m1"][0] == "in_transit"
    assert (await replica.shares("test-a/2"))["merchant:m1"][0] == "paid"


async def test_a_payout_that_comes_before_its_order_waits_there_once_however_often_it_comes(
    replica: Replica, payout: PayoutRequested
) -> None:
    await replica.database.orders.delete_many({})
    for _ in range(100):
        await replica.take(settled(payout))
    assert len((await replica.order())["early"]) == 1


async def test_a_payout_of_something_that_is_no_order_is_refused(replica: Replica, payout: PayoutRequested) -> None:
    await replica.take(msgspec.structs.replace(settled(payout), payout_id="s:9.1", document="s:9"))
    assert replica.published.dead() == ["document_unknown"]


async def test_a_release_is_paid_by_the_next_payout_of_the_order(replica: Replica) -> None:
    await replica.take(merchant("m1", agreement()), paid_order(line(1, 1_000), line(2, 500, merchant="m2")))
    await replica.take(settled(replica.published.payouts()[0]))
    await replica.take(merchant("m2", agreement()))
    await replica.parts.releases.release("test-a/m2")
    await replica.take(settled(replica.published.payouts()[1]))
    assert await replica.balances() == {}
    assert (await replica.order())["revisions"] == {"1": 1, "2": 1}


@pytest.mark.parametrize("order_first", [True, False])
async def test_of_a_new_order_and_its_payouts_outcome_the_second_to_write_runs_again(
    replica: Replica, payout: PayoutRequested, *, order_first: bool
) -> None:
    """Both transactions read that there is nothing; what each would make of that contradicts the other."""
    await forget(replica)
    outcome = settled(payout)
    async with replica.unit(ORDER, "a#0") as order, replica.unit(outcome, "b#0") as news:
        await order.decide()
        await news.decide()
        first, second = (order, news) if order_first else (news, order)
        await first.write()
        with pytest.raises(PyMongoError) as conflict:
            await second.write()
        assert mongo.is_conflict(conflict.value)
        await second.work.session.abort_transaction()
    await replica.take(outcome if order_first else ORDER)
    assert {state for state, _, _ in (await replica.shares()).values()} == {"paid"}
    assert await replica.balances() == {}


async def forget(replica: Replica) -> None:
    """Leave of the order and its books nothing but the merchant's agreement."""
    for collection in ("orders", "blocks", "balances", "links", "heads"):
        await replica.database[collection].delete_many({})
