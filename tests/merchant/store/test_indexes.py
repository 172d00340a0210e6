"""Every query of merchant is answered by an index, and every index is asked by a query."""

from typing import Any

import pytest
from tests.merchant.examples import NOW, leg, payout
from tests.merchant.handlers.test_statements import take

from merchant.app import Parts
from merchant.store.statements import INDEXES, Span, Statements, totals_of
from shared.commits import Commits
from shared.mongo import Database

pytestmark = pytest.mark.infra


def stages(plan: dict[str, Any]) -> list[str]:
    """Return the stages of a plan from the leaves up."""
    below = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    return [*(stage for part in below for stage in stages(part)), plan["stage"]]


async def explained(database: Database, command: dict[str, Any]) -> list[str]:
    answer = await database.command("explain", command, verbosity="queryPlanner")
    planner = answer["queryPlanner"] if "queryPlanner" in answer else answer["stages"][0]["$cursor"]["queryPlanner"]
    winning = planner["winningPlan"]
    return stages(winning.get("queryPlan", winning))


async def test_a_page_of_a_statement_is_read_in_order_from_the_index(
    parts: Parts, commits: Commits, database: Database
) -> None:
    await take(parts, commits, *(payout(leg(leg_id=f"l{it}"), order=str(it)) for it in range(50)))
    query = Span("test-shop", "alice", NOW, NOW).query()
    query["$or"] = [{"at": {"$gt": NOW}}, {"at": NOW, "_id": {"$gt": "l"}}]
    command = {"find": "statement_lines", "filter": query, "sort": {"at": 1, "_id": 1}, "limit": 10}
    plan = await explained(database, command)
    assert "IXSCAN" in plan
    assert not {"COLLSCAN", "SORT"} & set(plan)


async def test_totals_read_the_index_and_no_entry(parts: Parts, commits: Commits, database: Database) -> None:
    await take(parts, commits, *(payout(leg(leg_id=f"l{it}"), order=str(it)) for it in range(50)))
    span = Span("test-shop", "alice")
    [total] = await Statements(database).totals(span)
    assert total["entries"] == 50
    pipeline = totals_of(span)
    plan = await explained(database, {"aggregate": "statement_lines", "pipeline": pipeline, "cursor": {}})
    assert "IXSCAN" in plan
    assert not {"COLLSCAN", "FETCH"} & set(plan)


async def test_merchants_are_found_by_their_key_alone(database: Database) -> None:
    wanted = {"_id": {"$gt": "test-shop/", "$lt": "test-shop0"}}
    plan = await explained(database, {"find": "merchants", "filter": wanted, "sort": {"_id": 1}, "limit": 10})
    assert not {"COLLSCAN", "SORT"} & set(plan)


def test_one_index_serves_both_pages_and_totals() -> None:
    assert len(INDEXES["statement_lines"]) == 1
