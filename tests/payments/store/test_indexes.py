"""Every query of payments has an index: asked of the real MongoDB, on what the stores really send."""

from typing import Any, Final

import pytest
from tests.payments.examples import NOW

from payments.store.orders import EPOCH, WAITING
from shared.mongo import Database

BY_ID: Final = {"_id": {"$in": ["a", "b"]}}
AGES: Final[list[dict[str, Any]]] = [
    {"$match": WAITING},
    {"$group": {"_id": {"channel": "$channel_profile", "state": "$waits"}, "oldest": {"$min": "$created_at"}}},
]


def stages(plan: Any) -> set[str]:  # noqa: ANN401 - a plan is a tree of anything
    if isinstance(plan, list):
        return set().union(*map(stages, plan)) if plan else set()
    if not isinstance(plan, dict):
        return set()
    return set().union(*(stages(part) for part in plan.values()), {plan["stage"]} if "stage" in plan else set())


@pytest.mark.parametrize(
    ("collection", "query", "sort"),
    [
        ("orders", BY_ID, {}),
        ("claims", BY_ID, {}),
        ("ingress", BY_ID, {}),
        ("merchants", BY_ID, {}),
        ("payouts", BY_ID, {}),
        ("orders", {"ask_at": {"$gt": EPOCH, "$lte": NOW}}, {"ask_at": 1}),
        ("payouts", {"ask_at": {"$gt": EPOCH, "$lte": NOW}}, {"ask_at": 1}),
        ("orders", {"ask_at": {"$gt": NOW}, "channel_profile": "p", "state": "unverified", "channel_account": "a"}, {}),
        ("payouts", {"ask_at": {"$gt": NOW}, "channel_profile": "p", "state": "waiting", "channel_account": "a"}, {}),
        (
            "payouts",
            {
                "ask_at": {"$gt": NOW},
                "channel_profile": "p",
                "state": "waiting",
                "channel_account": "a",
                "$or": [{"legs.channel_number": {"$in": ["N"]}}, {"subsidies.channel_number": {"$in": ["N"]}}],
            },
            {},
        ),
        ("callbacks", {"due_at": {"$gt": EPOCH, "$lte": NOW}}, {"due_at": 1}),
        ("disagreements", {"marketplace": "m", "_id": {"$gt": ""}}, {"_id": 1}),
        ("accounts", {"due_at": {"$gt": EPOCH, "$lte": NOW}}, {"due_at": 1}),
        ("movements", {"due_at": {"$gt": EPOCH, "$lte": NOW}}, {"due_at": 1}),
        ("movements", {"due_at": {"$gt": EPOCH}, "account": "a"}, {}),
        ("movements", {"due_at": {"$gt": EPOCH}, "state": "unowned"}, {}),
        ("movements", {"marketplace": "m", "_id": {"$gt": ""}}, {"_id": 1}),
        ("refunds", BY_ID, {}),
        ("refunds", {"ask_at": {"$gt": EPOCH, "$lte": NOW}}, {"ask_at": 1}),
        ("refunds", {"ask_at": {"$gt": NOW}, "channel_profile": "p", "state": "waiting", "channel_account": "a"}, {}),
        ("refunds", {"order": {"$in": ["a", "b"]}}, {}),
        (
            "refunds",
            {
                "ask_at": {"$gt": NOW},
                "channel_profile": "p",
                "state": "waiting",
                "channel_account": "a",
                "parts.channel_number": {"$in": ["N"]},
            },
            {},
        ),
        ("payouts", {"_id": {"$gte": "test-shop/o:o-1.", "$lt": "test-shop/o:o-1/"}}, {}),
    ],
)
async def test_no_query_reads_a_whole_collection(
    database: Database, collection: str, query: dict[str, Any], sort: dict[str, int]
) -> None:
    plan = await database.command("explain", {"find": collection, "filter": query, "sort": sort})
    winning = stages(plan["queryPlanner"]["winningPlan"])
    assert winning & {"IXSCAN", "IDHACK"}
    assert not winning & {"COLLSCAN", "SORT"}


@pytest.mark.parametrize("collection", ["payouts", "refunds"])
async def test_the_gauges_read_an_index_and_no_document(database: Database, collection: str) -> None:
    plan = await database.command("explain", {"aggregate": collection, "pipeline": AGES, "cursor": {}})
    found = stages(plan)
    assert "IXSCAN" in found
    assert not found & {"COLLSCAN", "FETCH"}
