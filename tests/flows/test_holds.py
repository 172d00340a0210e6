"""Stories of holds through the whole cluster: triggers in any order, line by line, freezes, and people who let go."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flows.conftest import Cluster, Later
from tests.flows.market import Json, Market, opened, selling, until
from tests.flows.places import HOLIDAYS
from tests.flows.test_payouts import approved, asked, no_law_is_broken, paid

from shared.messages import CaseChanged, OrderProgressed

pytestmark = pytest.mark.infra

DAY = timedelta(days=1)


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


@pytest.fixture
async def with_holidays(cluster: Cluster) -> AsyncIterator[Market]:
    async with opened(cluster, "test-h-") as it:
        yield it


def of_lines(market: Market, *merchants: str, amount_minor: int = 1_000) -> Json:
    """Return an order of a line for each of these merchants, numbered from 1."""
    order = market.order(amount_minor=amount_minor * len(merchants))
    (line,) = order["lines"]
    order["lines"] = [
        line | {"line_id": str(number), "merchant": merchant, "amount_minor": amount_minor}
        for number, merchant in enumerate(merchants, 1)
    ]
    return order


def progress(order: Json, kind: Any, *lines: str, at: datetime | None = None) -> OrderProgressed:  # noqa: ANN401 - a literal
    return OrderProgressed(
        marketplace=order["marketplace"],
        order_id=order["order_id"],
        kind=kind,
        progress_id=f"{kind}-{'-'.join(lines)}",
        line_ids=lines,
        occurred_at=at or datetime.now(UTC),
    )


def case(order: Json, revision: int, state: Any, *lines: str, until_: datetime | None = None) -> CaseChanged:  # noqa: ANN401 - a literal
    return CaseChanged(
        marketplace=order["marketplace"],
        order_id=order["order_id"],
        case_id="c1",
        revision=revision,
        state=state,
        line_ids=lines,
        reason="broken",
        expires_at=until_,
        changed_at=datetime.now(UTC),
    )


async def got(market: Market, **amounts: int) -> None:
    """Wait until these merchants have got these amounts at the institution, and the others nothing."""

    async def received() -> dict[str, int]:
        found = await market.pockets()
        return {it.partition(":")[2]: amount for it, amount in found.items() if it.startswith("merchant:")}

    await until(received, lambda it: it == amounts)


async def reasons(market: Market, order: Json) -> dict[str, str]:
    """Return by line why it is held, as far as lines are."""
    shares = (await market.split(order))["shares"]
    return {wait["line_id"]: wait["reason"] for share in shares for wait in share["waits"] if wait["reason"]}


async def test_every_merchant_is_paid_when_its_own_trigger_has_fired_and_its_days_are_over(
    with_holidays: Market, later: Later, tmp_path: Path
) -> None:
    """Six sellers of one order, a trigger each; nobody works from tomorrow on for nine days."""
    market = with_holidays
    terms: dict[str, dict[str, Any]] = {
        "atonce": {},
        "shipped": {"trigger": "shipped"},
        "delivered": {"trigger": "delivered"},
        "completed": {"trigger": "completed"},
        "week": {"trigger": "completed", "trigger_days": 7},
        "working": {"trigger": "completed", "trigger_days": 1, "trigger_working_days": True},
    }
    for name, its in terms.items():
        await market.merchant(name, **its)
    order = of_lines(market, *terms)
    await paid(market, order)
    await got(market, atonce=900)
    assert await market.balance("merchant:held/week") == 1_000
    await market.tell(progress(order, "shipped"))
    await got(market, atonce=900, shipped=900)
    await market.tell(progress(order, "delivered"))
    await got(market, atonce=900, shipped=900, delivered=900)
    await market.tell(progress(order, "completed"))
    at_once = {"atonce": 900, "shipped": 900, "delivered": 900, "completed": 900}
    await got(market, **at_once)
    due = {it["merchant"]: it["due_at"] for it in (await market.split(order))["shares"] if it["state"] == "held"}
    assert datetime.fromisoformat(due["week"]) < datetime.fromisoformat(due["working"])
    assert datetime.fromisoformat(due["working"]) > datetime.now(UTC) + (HOLIDAYS - 1) * DAY
    assert await no_law_is_broken(market, tmp_path) == {("held", "awaiting_completed"): 1}
    await later(7 * DAY)
    await got(market, **at_once, week=900)
    await later((HOLIDAYS + 4) * DAY)
    await got(market, **at_once, week=900, working=900)
    await market.reaches(order, "settled")
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_goods_pay_line_by_line_in_whatever_order_they_are_heard_of_before_their_order_or_months_late(
    market: Market, tmp_path: Path
) -> None:
    """Line 2 was delivered before anybody heard of the order; line 1 was shipped long ago, line 3 was not."""
    await market.merchant("slow", trigger="shipped", trigger_days=1)
    order, long_ago = of_lines(market, "slow", "slow", "slow"), datetime.now(UTC) - 70 * DAY
    await market.tell(progress(order, "delivered", "2", at=long_ago), progress(order, "delivered", "2", at=long_ago))
    await paid(market, order)
    await got(market, slow=900)
    assert await reasons(market, order) == {"1": "awaiting_shipped", "3": "awaiting_shipped"}
    await market.tell(progress(order, "shipped", "2", at=long_ago - DAY), progress(order, "shipped", "1", at=long_ago))
    await got(market, slow=1_800)
    assert await reasons(market, order) == {"3": "awaiting_shipped"}
    assert await no_law_is_broken(market, tmp_path) == {("held", "awaiting_shipped"): 1}
    await market.tell(progress(order, "completed", at=long_ago + DAY))
    await market.reaches(order, "settled")
    assert await market.pockets() == {"pool": 0, "merchant:slow": 2_700, "platform:commission": 300}
    seen = (await market.split(order))["shares"]
    assert sorted(it["part"] for it in seen if it["path"] == "merchant:slow") == [1, 2, 3]
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}


async def test_a_case_keeps_its_line_until_it_is_closed_or_expires(
    market: Market, later: Later, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="shipped")
    closed, expiring = of_lines(market, "slow", "slow"), of_lines(market, "slow")
    await paid(market, closed, expiring)
    until_ = datetime.now(UTC) + 2 * DAY
    cases = case(closed, 1, "opened", "1"), case(expiring, 1, "disputed", until_=until_)
    await market.tell(*cases, source="/weir/aftersale")
    for order in (closed, expiring):
        await until(lambda order=order: market.split(order), lambda it: bool(it.get("freezes")))  # type: ignore[misc] # bound now
    await market.tell(progress(closed, "shipped"), progress(expiring, "shipped"))
    await got(market, slow=900)
    assert await reasons(market, closed) == {"1": "frozen:case:c1"}
    assert await reasons(market, expiring) == {"1": "frozen:case:c1"}
    await market.tell(case(closed, 2, "closed"), source="/weir/aftersale")
    await market.tell(case(closed, 1, "opened", "1"), source="/weir/aftersale")
    await market.reaches(closed, "settled")
    await later(3 * DAY)
    await market.reaches(expiring, "settled")
    await got(market, slow=2_700)
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 2}


async def test_what_an_operator_freezes_two_people_let_go_and_two_people_pay_before_the_trigger(
    market: Market, tmp_path: Path
) -> None:
    await market.merchant("slow", trigger="completed")
    order = of_lines(market, "slow", "slow")
    await paid(market, order)
    await market.held(order, "awaiting_completed")
    freeze, ann = f"orders/{order['order_id']}/freezes/f1", {"actor": "Ann", "reason": "the police asked"}
    answer = await market.http.put(
        market.url("split", freeze), json=ann | {"line_ids": ["1"]}, headers={"idempotency-key": "freeze"}
    )
    assert answer.is_success, answer.text
    release = {"actor": "Ann", "reason": "an old customer"}
    await approved(market, await asked(market, f"orders/{order['order_id']}/releases", release, "release"))
    await got(market, slow=900)
    assert list(await reasons(market, order)) == ["1"]

    answer = await market.http.request(
        "DELETE", market.url("split", freeze), json=ann, headers={"idempotency-key": "let-go"}
    )
    approval = answer.json()
    alone = market.url("split", f"approvals/{approval['approval_id']}/approve")
    refused = await market.http.post(
        alone, json={"actor": "Ann", "reason": "me again"}, headers={"idempotency-key": "alone"}
    )
    assert (refused.status_code, refused.json()["reason"]) == (409, "same_person")
    assert (await market.pockets())["merchant:slow"] == 900
    await approved(market, approval)
    await market.reaches(order, "settled")
    await got(market, slow=1_800)
    assert await no_law_is_broken(market, tmp_path) == {("settled", ""): 1}
