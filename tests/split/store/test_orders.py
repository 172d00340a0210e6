"""How a change of an order is written: only what differs."""

import msgspec
import pytest
from tests.split.decisions import review, split
from tests.split.examples import agreement, copies, line, merchant, paid_order
from tests.split.replica import Replica, settled

from shared.messages import SplitRequested
from split.domain.orders import Order
from split.domain.settlements import Settlement, settle
from split.store.orders import STANDING, changes_of


def two_merchants() -> tuple[SplitRequested, Order]:
    order = paid_order(line(1, 1_000), line(2, 500, merchant="m2"))
    decision = split(order, copies(merchant("m1", agreement())))
    assert not isinstance(decision, str)
    return order, decision.order


def test_shares_that_only_move_are_written_field_by_field() -> None:
    decision = split(paid_order(line(1, 1_000)), copies(merchant("m1", agreement())))
    assert not isinstance(decision, str)
    assert decision.payout is not None
    after = settle(decision.order, settled(decision.payout))
    assert isinstance(after, Settlement)
    assert changes_of(decision.order, after.order) == {
        "$set": {"shares.0.state": "paid", "shares.1.state": "paid", "revisions.1": 1},
    }


def test_released_shares_replace_the_list_and_end_the_wait() -> None:
    order, before = two_merchants()
    after = review(before, order, copies(merchant("m2", agreement())))
    assert after is not None
    changes = changes_of(before, after.order)
    assert set(changes["$set"]) == {"shares", "payouts"}
    assert changes["$unset"] == {"waiting_for": "", "standing": ""}


def test_what_does_not_differ_is_not_written() -> None:
    _, before = two_merchants()
    assert changes_of(before, msgspec.structs.replace(before)) == {}


@pytest.mark.parametrize(
    ("collection", "query", "sort"),
    [
        (
            "orders",
            {"marketplace": "test-a", "waiting_for": "m1", "paid_at": {"$gte": 0, "$lte": 1}},
            [("paid_at", 1), ("_id", 1)],
        ),
        (
            "blocks",
            {"marketplace": "test-a", "currency": "BRL", "accounts": "x", "_id": {"$gte": "y"}},
            [("_id", 1)],
        ),
        (
            "balances",
            {"_id": {"$gte": "test-a|BRL|007|", "$lt": "test-a}"}},
            [("_id", 1)],
        ),
        ("orders", STANDING, [("origin_time", 1)]),
        ("waiting", {"count": {"$gt": 0}}, []),
    ],
)
async def test_every_listing_has_its_index(
    replica: Replica, collection: str, query: dict[str, object], sort: list[tuple[str, int]]
) -> None:
    cursor = replica.database[collection].find(query)
    explained = await (cursor.sort(sort) if sort else cursor).explain()
    stages = str(explained["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages
    assert "'stage': 'SORT'" not in stages
