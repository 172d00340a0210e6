"""Debts over HTTP: who owes, since when."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.split.api.asking import got, pages, refused
from tests.split.replica import Replica

from shared import http
from shared.work import Work
from split.domain.guards import FRESH, Guard
from split.store.guards import key_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def owe(replica: Replica, merchant: str, hours: int, currency: str = "BRL", marketplace: str = "test-a") -> None:
    async def decide(work: Work) -> None:
        key = key_of(marketplace, merchant, currency)
        replica.parts.behind.guards.change(work, key, FRESH, Guard(debt_minor=hours, debt_since=NOW - hours * HOUR))

    await replica.commits.run(decide)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_debts_are_listed_from_the_oldest_without_gap_and_repeat(
    replica: Replica, api: httpx.AsyncClient, limit: int
) -> None:
    for merchant, hours in (("m1", 3), ("m2", 5), ("m4", 3), ("m3", 3), ("m5", 1)):
        await owe(replica, merchant, hours)
    await owe(replica, "m1", 4, "JPY")
    await owe(replica, "m9", 9, marketplace="test-b")
    items = [it for page in await pages(api, "debts", limit=limit) for it in page["items"]]
    assert [(it["merchant"], it["currency"], it["debt_minor"]) for it in items] == [
        ("m2", "BRL", 5),
        ("m1", "JPY", 4),
        ("m1", "BRL", 3),
        ("m3", "BRL", 3),
        ("m4", "BRL", 3),
        ("m5", "BRL", 1),
    ]
    assert items[0]["since"] == "2026-03-01T07:00:00Z"


async def test_who_has_paid_off_is_listed_no_more(replica: Replica, api: httpx.AsyncClient) -> None:
    await owe(replica, "m1", 3)

    async def pay_off(work: Work) -> None:
        key = key_of("test-a", "m1", "BRL")
        before = (await replica.parts.behind.guards.load([key], work.session))[key]
        replica.parts.behind.guards.change(work, key, before, FRESH)

    await replica.clock.ask()
    await replica.sample_metrics()
    owed_s = (replica.clock.now() - NOW + 3 * HOUR).total_seconds()
    assert replica.sample("weir_merchant_debt_oldest_seconds") == pytest.approx(owed_s, abs=60)
    await replica.commits.run(pay_off)
    await replica.sample_metrics()
    assert replica.sample("weir_merchant_debt_oldest_seconds") == 0
    assert await got(api, "debts") == {"items": [], "next_cursor": None}


async def test_what_cannot_be_answered_says_why(api: httpx.AsyncClient) -> None:
    assert await refused(api, "http://split/v1/marketplaces/nowhere/debts") == (404, "marketplace_unknown")
    for cursor in ("WyJhIl0=", http.cursor_of(2**60, "x"), "x"):
        assert await refused(api, "debts", cursor=cursor) == (422, "cursor_invalid")
