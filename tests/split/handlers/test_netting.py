"""One debt, two orders at the same time on two stripes, on a real MongoDB: it is paid off once, and one runs again."""

import pytest
from pymongo.errors import PyMongoError
from tests.split.examples import agreement, merchant, paid_order
from tests.split.replica import Replica, Unit
from tests.split.store.test_guards import owe, stored

from shared import mongo, outbox
from shared.messages import SplitRequested

STRIPES = ("split.split-requested#0", "split.split-requested#1")


def order(number: int) -> SplitRequested:
    """Return an order of which m1 gets 8,800."""
    return paid_order(order_id=f"{number}")


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("committed", [True, False], ids=["committed before the other writes", "still open"])
async def test_two_orders_that_net_one_debt_on_two_stripes_meet_and_one_runs_again(
    replica: Replica, first: int, *, committed: bool
) -> None:
    await replica.take(merchant("m1", agreement()))
    await owe(replica, 9_000)
    async with replica.unit(order(1 - first), STRIPES[1 - first]) as late:
        async with replica.unit(order(first), STRIPES[first]) as early:
            await early.decide()
            await late.decide()
            await early.write()
            if not committed:
                await refused(late)
        if committed:
            await refused(late)
    assert (await stored(replica)).debt_minor == 200
    await replica.database[outbox.COLLECTION].delete_many({})  # what the first would have published
    await replica.take(order(1 - first))
    assert (await stored(replica)).debt_minor == 0
    shares = [(await replica.shares(f"test-a/{number}"))["merchant:m1"][2] for number in (first, 1 - first)]
    assert shares == [0, 8_600]
    balances = await replica.balances()
    assert "merchant:debt/m1" not in balances
    assert balances["merchant:in_transit/m1"] == 8_600


async def refused(late: Unit) -> None:
    """Let the second write; nothing of it may stay."""
    with pytest.raises(PyMongoError) as conflict:
        await late.write()
    assert mongo.is_conflict(conflict.value)
    await late.work.session.abort_transaction()
