"""Merchants past the limits of their marketplaces are stopped by a sweep and let go on, on a real MongoDB."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.split.examples import agreement, merchant
from tests.split.replica import MARKETPLACES, Replica

from shared.clock import move
from shared.mongo import Database
from split.domain.stops import DEBTS, Target
from split.handlers.stops import Wish

DAY = timedelta(days=1)
LIMITS = "debts: {days: 30, amounts: {CNY: 1000}}"
M1 = Target(marketplace="test-a", scope="merchant", subject="m1")


@pytest.fixture
async def strict(database: Database, tmp_path: Path) -> Replica:
    """Give split with a marketplace that bears ten yuan of debt, or thirty days of it."""
    file = tmp_path / "marketplaces.yaml"
    file.write_text(MARKETPLACES.read_text().replace("id: test-*\n", f"id: test-*\n    {LIMITS}\n"))
    replica = Replica(database, file)
    await replica.clock.ask()
    await replica.take(merchant("m1", agreement()))
    return replica


async def owe(replica: Replica, amount_minor: int, currency: str = "CNY") -> None:
    key = f"test-a/m1/{currency}"
    fields = {"marketplace": "test-a", "debt_minor": amount_minor, "debt_since": replica.clock.now(), "version": 1}
    await replica.database.guards.update_one({"_id": key}, {"$set": fields}, upsert=True)


async def owe_nothing(replica: Replica, currency: str = "CNY") -> None:
    change = {"$set": {"debt_minor": 0}, "$unset": {"debt_since": ""}}
    await replica.database.guards.update_one({"_id": f"test-a/m1/{currency}"}, change)


async def stops(replica: Replica) -> list[tuple[str, str, str]]:
    """Return what is paused: whose, by whom, why."""
    found = await replica.parts.behind.stops.page("test-a", None, 10)
    return [(it.target.subject, it.actor, it.reason) for it in found]


async def test_who_owes_more_than_its_marketplace_bears_is_stopped_until_it_owes_less(strict: Replica) -> None:
    await owe(strict, 1_000)
    assert await strict.parts.debts.once() == 0
    await owe(strict, 1_001)
    assert await strict.parts.debts.once() == 1
    assert await stops(strict) == [("m1", DEBTS, "debt_over_limit: CNY")]
    assert await strict.parts.debts.once() == 0
    await owe(strict, 1_000)
    assert await strict.parts.debts.once() == 1
    assert await stops(strict) == []


async def test_a_debt_that_is_too_old_stops_whatever_it_comes_to(strict: Replica) -> None:
    await owe(strict, 1, "JPY")
    await move(strict.database, 30 * DAY - timedelta(minutes=1))
    await strict.clock.ask()
    assert await strict.parts.debts.once() == 0
    await move(strict.database, 30 * DAY + timedelta(minutes=1))
    await strict.clock.ask()
    assert await strict.parts.debts.once() == 1
    assert await stops(strict) == [("m1", DEBTS, "debt_too_old: JPY")]


async def test_a_merchant_goes_on_only_when_it_is_past_no_limit_in_any_currency(strict: Replica) -> None:
    await owe(strict, 5_000)
    await owe(strict, 1, "JPY")
    await move(strict.database, 31 * DAY)
    await strict.clock.ask()
    assert await strict.parts.debts.once() == 1
    await owe_nothing(strict)
    assert await strict.parts.debts.once() == 0
    await owe_nothing(strict, "JPY")
    assert await strict.parts.debts.once() == 1
    assert await stops(strict) == []


async def test_what_an_operator_lets_go_on_is_not_stopped_again_for_the_same_debt(strict: Replica) -> None:
    await owe(strict, 5_000)
    assert await strict.parts.debts.once() == 1
    wish = Wish(target=M1, paused=False, actor="Ann", reason="they pay tomorrow", key="k1")
    await strict.parts.behind.stop.change(wish)
    assert [await strict.parts.debts.once() for _ in range(2)] == [0, 0]
    assert await stops(strict) == []
    await owe_nothing(strict)
    await move(strict.database, DAY)
    await strict.clock.ask()
    await owe(strict, 5_000)
    assert await strict.parts.debts.once() == 1


async def test_an_operators_own_pause_stays_when_the_debt_is_gone(strict: Replica) -> None:
    wish = Wish(target=M1, paused=True, actor="Ann", reason="they asked for it", key="k1")
    await strict.parts.behind.stop.change(wish)
    await owe(strict, 5_000)
    assert await strict.parts.debts.once() == 0
    await owe_nothing(strict)
    assert await strict.parts.debts.once() == 0
    assert await stops(strict) == [("m1", "Ann", "they asked for it")]


async def test_whom_a_debt_has_stopped_an_operator_may_pause_and_then_only_people_let_go_on(strict: Replica) -> None:
    await owe(strict, 5_000)
    assert await strict.parts.debts.once() == 1
    wish = Wish(target=M1, paused=True, actor="Ann", reason="the police asked", key="k1")
    await strict.parts.behind.stop.change(wish)
    assert await stops(strict) == [("m1", "Ann", "the police asked")]
    assert await strict.parts.debts.once() == 0
    await owe_nothing(strict)
    assert await strict.parts.debts.once() == 0
    assert await stops(strict) == [("m1", "Ann", "the police asked")]
