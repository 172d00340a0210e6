"""Statements over HTTP: every entry once, whatever is written meanwhile, and sums that are the sums of the entries."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import batched
from typing import Any

import httpx
import pytest
from tests.merchant.examples import NOW, leg, payout, sale
from tests.merchant.handlers.test_statements import take

from merchant.app import Parts
from shared.commits import Commits
from shared.http import cursor_of

pytestmark = pytest.mark.infra

ALICE, BOB = "merchant:alice", "merchant:bob"


async def paid(parts: Parts, commits: Commits, numbers: Sequence[int], **fields: Any) -> None:  # noqa: ANN401 - any field
    """Pay alice 10.80 of each of these orders, at that second."""
    events = [
        payout(sale(leg_id=f"l{it:04}"), order=f"{it:04}", settled_at=NOW + timedelta(seconds=it // 3), **fields)
        for it in numbers
    ]
    await take(parts, commits, *events)


async def pages(client: httpx.AsyncClient, between: Any = None, **query: Any) -> list[list[str]]:  # noqa: ANN401 - a step, a query
    found, cursor = [], None
    while True:
        given = query | ({"cursor": cursor} if cursor else {})
        page = (await client.get("test-shop/merchants/alice/statement-lines", params=given)).json()
        found.append([it["leg_id"] for it in page["entries"]])
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        if between:
            await between(len(found))


async def test_an_entry_shows_why_its_amount_is_what_it_is(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    await take(parts, commits, payout(sale()))
    [entry] = (await client.get("test-shop/merchants/alice/statement-lines")).json()["entries"]
    assert entry == {
        "document": "o:o-1",
        "payout_id": "o:o-1.1",
        "leg_id": "test-shop/o:o-1/merchant:alice/1",
        "attempt": 1,
        "kind": "paid",
        "amount_minor": 1_080,
        "currency": "EUR",
        "at": "2026-03-01T12:00:00Z",
        "lines": [
            {"kind": "gross", "amount_minor": 1_000},
            {"kind": "freight", "amount_minor": 200},
            {"kind": "commission", "amount_minor": -120},
        ],
    }


async def test_every_entry_comes_once_although_others_are_written_between_the_pages(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    await paid(parts, commits, range(0, 100, 2))

    async def between(page: int) -> None:
        # Odd numbers: before the page, within it and behind it.
        await paid(parts, commits, [page * 2 - 1, 99 - page * 2])

    found = await pages(client, between, limit=7)
    shown = [it for page in found for it in page]
    assert len(shown) == len(set(shown))
    assert {f"l{it:04}" for it in range(0, 100, 2)} <= set(shown)
    assert shown == sorted(shown)


async def test_entries_of_one_moment_are_not_lost_at_the_edge_of_a_page(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    await take(parts, commits, *(payout(sale(leg_id=f"l{it}"), order=str(it)) for it in range(9)))
    assert await pages(client, limit=4) == [["l0", "l1", "l2", "l3"], ["l4", "l5", "l6", "l7"], ["l8"]]
    assert await pages(client, limit=9) == [[f"l{it}" for it in range(9)]]


async def test_pages_have_their_size_wherever_in_a_payout_they_end(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    told = ["a1 a2 b a3", "b a1", "b", "a1 b a2", "a1 a2 a3", "b a1 a2 a3"]
    payouts = [
        payout(*(leg(BOB if it == "b" else ALICE, leg_id=f"{n}{it}") for it in legs.split()), order=str(n))
        for n, legs in enumerate(told)
    ]
    await take(parts, commits, *payouts)
    expected = ["0a1", "0a2", "0a3", "1a1", "3a1", "3a2", "4a1", "4a2", "4a3", "5a1", "5a2", "5a3"]
    for limit in range(1, 14):
        assert await pages(client, limit=limit) == [list(page) for page in batched(expected, limit)]


async def test_a_span_has_its_first_moment_and_not_its_last(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    await paid(parts, commits, range(12))
    span = {"from": (NOW + timedelta(seconds=1)).isoformat(), "to": (NOW + timedelta(seconds=3)).isoformat()}
    assert await pages(client, limit=4, **span) == [["l0003", "l0004", "l0005", "l0006"], ["l0007", "l0008"]]
    totals = (await client.get("test-shop/merchants/alice/statement-totals", params=span)).json()["totals"]
    assert [it["entries"] for it in totals] == [6]


async def test_totals_are_the_sums_of_the_entries_by_currency(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    await take(
        parts,
        commits,
        payout(sale(leg_id="l1"), order="1"),
        payout(sale("returned", leg_id="l2"), order="2"),
        payout(leg(amount_minor=0, leg_id="l3"), order="3"),
        payout(leg(amount_minor=7, leg_id="l4"), order="4", currency="JPY"),
        payout(leg("merchant:bob", 999, leg_id="l5"), order="5"),
        payout(leg(amount_minor=5, leg_id="l6"), order="6", marketplace="test-other"),
    )
    answer = await client.get("test-shop/merchants/alice/statement-totals")
    assert answer.json()["totals"] == [
        {"currency": "EUR", "entries": 4, "paid_minor": 2_160, "returned_minor": 1_080, "net_minor": 1_080},
        {"currency": "JPY", "entries": 1, "paid_minor": 7, "returned_minor": 0, "net_minor": 7},
    ]


async def test_the_platform_and_receivers_that_are_no_merchants_have_statements(
    client: httpx.AsyncClient, parts: Parts, commits: Commits
) -> None:
    await take(parts, commits, payout(leg("platform:commission", 120), leg("merchant:driver-7", 30)))
    for owner, amount_minor in (("platform:commission", 120), ("driver-7", 30), ("nobody", None)):
        entries = (await client.get(f"test-shop/merchants/{owner}/statement-lines")).json()["entries"]
        assert [it["amount_minor"] for it in entries] == ([] if amount_minor is None else [amount_minor])


@pytest.mark.parametrize(
    "query", ["from=yesterday", "from=2026-03-01", "limit=0", "cursor=e30=", "cursor=WzFd", "cursor=WzEsIngiXQ=="]
)
async def test_a_query_that_cannot_be_meant_is_refused(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"test-shop/merchants/alice/statement-lines?{query}")
    assert answer.status_code == 422


async def test_a_cursor_beyond_all_time_is_refused(client: httpx.AsyncClient) -> None:
    cursor = cursor_of(9 * 10**18, "x", 0)
    answer = await client.get("test-shop/merchants/alice/statement-lines", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["reason"]) == (422, "cursor_invalid")
