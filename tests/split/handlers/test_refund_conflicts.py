"""A refund and other news at one moment, in two open transactions: whoever writes second is refused and runs again."""

import pytest
from tests.split.examples import line, paid_order
from tests.split.goods import progress
from tests.split.handlers.test_refunds import NEWS, ORDER, SLOW, sold
from tests.split.moneys import approval
from tests.split.replica import Replica
from tests.split.replica import settled as paid

from shared import mongo
from shared.messages import Event
from shared.mongo import PyMongoError


async def conflicts(replica: Replica, first: Event, second: Event) -> None:
    """Let both read before either writes; the second to write must fail, and runs again."""
    async with replica.unit(first, "a#0") as one, replica.unit(second, "b#0") as other:
        await one.decide()
        await other.decide()
        await one.write()
        with pytest.raises(PyMongoError) as conflict:
            await other.write()
        assert mongo.is_conflict(conflict.value)
        await other.work.session.abort_transaction()
    await replica.database.outbox.delete_many({})  # published
    await replica.take(second)


@pytest.mark.parametrize("order_first", [True, False])
async def test_a_refund_and_its_order_never_miss_each_other(replica: Replica, *, order_first: bool) -> None:
    await replica.take(SLOW)
    await conflicts(replica, *((ORDER, approval(1_000)) if order_first else (approval(1_000), ORDER)))
    assert (await replica.refunds())["r1"]["state"] == "requested"
    await replica.take(progress())
    balances = await replica.balances()
    assert (balances["merchant:in_transit/m1"], balances["buyer:refund_in_transit"]) == (450, 1_000)


@pytest.mark.parametrize("refund_first", [True, False])
async def test_a_refund_and_the_end_of_its_payout_never_miss_each_other(
    replica: Replica, *, refund_first: bool
) -> None:
    await replica.take(NEWS, ORDER)
    done = paid(replica.published.payouts()[-1])
    await conflicts(replica, *((approval(1_000), done) if refund_first else (done, approval(1_000))))
    refund = (await replica.refunds())["r1"]
    assert (refund["state"], len(refund["returns"])) == ("requested", 1)


@pytest.mark.parametrize("first", [0, 1])
async def test_what_a_merchant_has_available_is_taken_once_by_two_refunds_at_once(replica: Replica, first: int) -> None:
    """Two orders are paid out; a leg of a third failed and left 900. Each refund alone would take all of it."""
    await sold(replica, 1_000)
    await sold(replica, 1_000, order_id="2")
    await replica.take(paid_order(line(1, 1_000), order_id="3"))
    failed = paid(replica.published.payouts()[-1], "failed")
    await replica.take(failed)
    refunds = [approval(800, order_id=str(1 + (first + place) % 2)) for place in range(2)]
    await conflicts(replica, *refunds)
    balances = await replica.balances()
    assert "merchant:available/m1" not in balances
    assert balances["merchant:returning/m1"] == -(720 * 2 - 900)
    guard = await replica.database.guards.find_one({"_id": "test-a/m1/BRL"}) or {}
    assert (guard["taken_minor"], guard["version"]) == (900, 2)
