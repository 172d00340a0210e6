"""Every query of merchant is answered by an index, and every index is asked by a query."""

from datetime import timedelta
from typing import Any

import pytest
from tests.merchant.examples import NOW, leg, payout
from tests.merchant.handlers.test_statements import take

from merchant.app import Parts
from merchant.store.statements import INDEXES, Position, Span, Statements, page_of, totals_of
from shared.commits import Commits
from shared.mongo import Database

pytestmark = pytest.mark.infra


def stages(plan: dict[str, Any]) -> list[str]:
    """Return the stages of a plan from the leaves up."""
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [*(stage for part in below for stage in stages(part)), plan["stage"]]


async def explained(database: Database, command: dict[str, Any]) -> list[str]:
    """Return the stages of what reads the collection."""
    answer = await database.command("explain", command, verbosity="queryPlanner")
    planner = answer["queryPlanner"] if "queryPlanner" in answer else answer["stages"][0]["$cursor"]["queryPlanner"]
    winning = planner["winningPlan"]
    return stages(winning.get("queryPlan", winning))


async def examined(database: Database, pipeline: list[dict[str, Any]]) -> tuple[int, int]:
    """Return how many keys and documents a pipeline over statements looked at."""
    command = {"aggregate": "statements", "pipeline": pipeline, "cursor": {}}
    answer = await database.command("explain", command, verbosity="executionStats")
    stats = answer["executionStats"] if "executionStats" in answer else answer["stages"][0]["$cursor"]["executionStats"]
    return stats["totalKeysExamined"], stats["totalDocsExamined"]


async def settle(parts: Parts, commits: Commits) -> None:
    """Settle 50 payouts of alice and bob, and 50 of bob alone."""
    alice, bob = leg(), leg("merchant:bob", 5)
    await take(parts, commits, *(payout(alice, bob, order=f"{it:02}") for it in range(50)))
    await take(parts, commits, *(payout(bob, order=f"b{it:02}") for it in range(50)))


async def test_a_page_of_a_statement_is_read_in_order_from_the_index(
    parts: Parts, commits: Commits, database: Database
) -> None:
    await settle(parts, commits)
    for after in (None, Position(NOW, "test-shop/o:20.1/0", 0)):
        pipeline = page_of(Span("test-shop", "alice", NOW, NOW + timedelta(days=1)), after, 10)
        plan = await explained(database, {"aggregate": "statements", "pipeline": pipeline, "cursor": {}})
        assert "IXSCAN" in plan
        assert not {"COLLSCAN", "SORT"} & set(plan)
        # The keys up to where the page before ended, if all is of one moment; the page's documents; one look ahead.
        _, documents = await examined(database, pipeline)
        assert documents <= 12


async def test_totals_read_the_documents_of_their_owner_alone(
    parts: Parts, commits: Commits, database: Database
) -> None:
    await settle(parts, commits)
    span = Span("test-shop", "alice")
    [total] = await Statements(database).totals(span)
    assert total["entries"] == 50
    pipeline = totals_of(span)
    plan = await explained(database, {"aggregate": "statements", "pipeline": pipeline, "cursor": {}})
    assert "IXSCAN" in plan
    assert "COLLSCAN" not in plan
    assert await examined(database, pipeline) == (50, 50)


async def test_merchants_are_found_by_their_key_alone(database: Database) -> None:
    wanted = {"_id": {"$gt": "test-shop/", "$lt": "test-shop0"}}
    plan = await explained(database, {"find": "merchants", "filter": wanted, "sort": {"_id": 1}, "limit": 10})
    assert not {"COLLSCAN", "SORT"} & set(plan)


def test_one_index_serves_both_pages_and_totals() -> None:
    assert len(INDEXES["statements"]) == 1
