"""Statements over HTTP, on a real MongoDB."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.split.api.asking import got, pages, refused, rows
from tests.split.bookkeeping import BEGIN, DAY, HOUR, Made, book, fill, held
from tests.split.replica import Replica
from tests.split.watched import Watched

from shared import http
from shared.clock import move
from split.api import exports
from split.domain.periods import FINAL_AFTER, Period
from split.domain.statements import Sheet, Tally
from split.store.history import History

ACCOUNT = "merchant:held/m1"
CLEARING = "channel:clearing/test-a"
ENTRIES = {ACCOUNT: 1_205, CLEARING: -1_205}
BACK = {ACCOUNT: -5, CLEARING: 5}
STATEMENT = f"accounts/{ACCOUNT}/statement"


async def test_a_statement_opens_with_what_was_held_lists_what_was_booked_and_closes(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await book(replica.database, BEGIN - HOUR, [Made(BEGIN, "1", ENTRIES)])
    await book(replica.database, BEGIN, [Made(BEGIN, "2", ENTRIES), Made(BEGIN, "3", BACK, "settle")])
    await book(replica.database, BEGIN + DAY, [Made(BEGIN, "4", ENTRIES)])
    found = await got(api, STATEMENT, currency="BRL", from_=BEGIN.isoformat(), to="2025-03-02T03:00:00+03:00")
    block = (await replica.database.blocks.find_one({"at": BEGIN}) or {})["_id"]
    plain = {"at": "2025-03-01T00:00:00Z"}
    assert found == {
        "account": ACCOUNT,
        "currency": "BRL",
        "from": "2025-03-01T00:00:00Z",
        "to": "2025-03-02T00:00:00Z",
        "opening_minor": 1_205,
        "closing_minor": 2_405,
        "totals": {"entries": 2, "credit_minor": 1_205, "debit_minor": 5},
        "items": [
            plain
            | {"transaction_id": f"{block}.00", "kind": "split", "order_id": "2", "cause": "cause of 2"}
            | {"amount_minor": 1_205, "balance_minor": 2_410},
            plain
            | {"transaction_id": f"{block}.01", "kind": "settle", "order_id": "3", "cause": "cause of 3"}
            | {"amount_minor": -5, "balance_minor": 2_405},
        ],
        "next_cursor": None,
    }


@pytest.mark.parametrize("limit", [1, 7, 100])
async def test_opening_and_entries_are_closing_for_every_page_set(
    replica: Replica, api: httpx.AsyncClient, limit: int
) -> None:
    made = await fill(replica.database, limit, units=8)
    await replica.parts.checkpoints.make("test-a", "BRL", BEGIN + 2 * DAY)
    account = "merchant:held/a.b%2E$c"
    since, until = made[len(made) // 3].at, made[-1].at
    path = f"accounts/{account.replace('%', '%25')}/statement"
    found = await pages(api, path, currency="BRL", from_=since.isoformat(), to=until.isoformat(), limit=limit)
    amounts = [it.entries[account] for it in made if since <= it.at < until and account in it.entries]
    items = [it for page in found for it in page["items"]]
    assert sorted(it["amount_minor"] for it in items) == sorted(amounts)
    assert {(page["opening_minor"], page["closing_minor"], page["to"]) for page in found} == {
        (held(made, since).get(account, 0), held(made, until).get(account, 0), f"{until:%Y-%m-%dT%H:%M:%SZ}")
    }
    balance = found[0]["opening_minor"]
    for page in found:
        for it in page["items"]:
            balance += it["amount_minor"]
            assert it["balance_minor"] == balance
        totals = page["totals"]
        assert page["opening_minor"] + totals["credit_minor"] - totals["debit_minor"] == balance
    assert balance == found[-1]["closing_minor"]
    assert found[-1]["totals"]["entries"] == len(amounts)
    file = await rows(api, f"{path}.csv", currency="BRL", from_=since.isoformat(), to=until.isoformat())
    assert [it["transaction_id"] for it in file if it["row"] == "entry"] == [it["transaction_id"] for it in items]


async def test_what_is_booked_while_a_statement_is_read_is_in_the_next_one(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    """The clock of the service is moved, so that what is booked now is final at once, as if minutes had passed."""
    await move(replica.database, FINAL_AFTER)
    await replica.clock.ask()
    for number in range(4):
        await book(replica.database, BEGIN, [Made(BEGIN, str(number), ENTRIES)])
    first = await got(api, STATEMENT, currency="BRL", from_=BEGIN.isoformat(), limit=2)
    await book(replica.database, replica.clock.now() - FINAL_AFTER, [Made(BEGIN, "late", ENTRIES)])
    rest = await got(api, STATEMENT, currency="BRL", from_=BEGIN.isoformat(), limit=2, cursor=first["next_cursor"])
    assert (rest["to"], rest["closing_minor"], rest["next_cursor"]) == (first["to"], 4 * 1_205, None)
    next_one = await got(api, STATEMENT, currency="BRL", from_=first["to"])
    assert (next_one["opening_minor"], [it["order_id"] for it in next_one["items"]]) == (4 * 1_205, ["late"])


async def test_what_is_not_final_is_not_shown(replica: Replica, api: httpx.AsyncClient) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES)])
    now = datetime.now(UTC)
    await book(replica.database, now, [Made(now, "2", ENTRIES)])
    found = await got(api, STATEMENT, currency="BRL", from_=BEGIN.isoformat(), to=(now + HOUR).isoformat())
    assert [it["order_id"] for it in found["items"]] == ["1"]
    assert found["closing_minor"] == 1_205
    assert abs(datetime.fromisoformat(found["to"]) + FINAL_AFTER - now) < timedelta(seconds=60)


async def test_business_days_are_those_of_the_marketplace(replica: Replica, api: httpx.AsyncClient) -> None:
    """Marketplaces `test-*` are in Shanghai, 8 hours before UTC."""
    for hours in (-9, -8, 15, 16, 39, 40):
        await book(replica.database, BEGIN + hours * HOUR, [Made(BEGIN, str(hours), ENTRIES)])
    found = await got(api, STATEMENT, currency="BRL", first_day="2025-03-01")
    assert (found["from"], found["to"]) == ("2025-02-28T16:00:00Z", "2025-03-01T16:00:00Z")
    assert [it["order_id"] for it in found["items"]] == ["-8", "15"]
    found = await got(api, STATEMENT, currency="BRL", first_day="2025-03-01", last_day="2025-03-02")
    assert [it["order_id"] for it in found["items"]] == ["-8", "15", "16", "39"]
    assert (found["opening_minor"], found["closing_minor"]) == (1_205, 5 * 1_205)


async def test_an_account_that_rested_in_a_period_has_a_statement_without_entries(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES)])
    found = await got(api, STATEMENT, currency="BRL", first_day="2025-03-09")
    assert (found["opening_minor"], found["items"], found["closing_minor"]) == (1_205, [], 1_205)
    before = await got(api, STATEMENT, currency="BRL", first_day="2025-02-09")
    assert (before["opening_minor"], before["items"], before["closing_minor"]) == (0, [], 0)
    file = await rows(api, f"{STATEMENT}.csv", currency="BRL", first_day="2025-02-09")
    assert [it["row"] for it in file] == ["opening", "credits", "debits", "closing"]


@pytest.mark.parametrize("path", [f"{STATEMENT}.csv", STATEMENT])
async def test_a_statement_as_csv_has_the_same_rows(replica: Replica, api: httpx.AsyncClient, path: str) -> None:
    await book(replica.database, BEGIN - HOUR, [Made(BEGIN, "1", ENTRIES)])
    await book(replica.database, BEGIN, [Made(BEGIN, "=2", ENTRIES), Made(BEGIN, "-3", BACK, "settle")])
    found = await rows(api, path, accept="text/csv", currency="BRL", first_day="2025-03-01")
    names = ("row", "at", "kind", "order_id", "amount_minor", "amount", "balance_minor", "balance")
    time = "2025-03-01T00:00:00.000Z"
    assert [tuple(it[name] for name in names) for it in found] == [
        ("opening", "2025-02-28T16:00:00.000Z", "", "", "", "", "0", "0.00"),
        ("entry", "2025-02-28T23:00:00.000Z", "split", "1", "1205", "12.05", "1205", "12.05"),
        ("entry", time, "split", "'=2", "1205", "12.05", "2410", "24.10"),
        ("entry", time, "settle", "'-3", "-5", "-0.05", "2405", "24.05"),
        ("credits", "2025-03-01T16:00:00.000Z", "", "", "2410", "24.10", "", ""),
        ("debits", "2025-03-01T16:00:00.000Z", "", "", "-5", "-0.05", "", ""),
        ("closing", "2025-03-01T16:00:00.000Z", "", "", "", "", "2405", "24.05"),
    ]
    assert {(it["account"], it["currency"]) for it in found} == {(ACCOUNT, "BRL")}
    assert all(it["transaction_id"] and it["cause"].startswith("cause of ") for it in found if it["row"] == "entry")


async def test_a_statement_as_csv_is_made_a_piece_at_a_time(watched: Watched) -> None:
    for unit in range(6):
        made = [Made(BEGIN, f"{unit}.{number}", ENTRIES) for number in range(500)]
        await book(watched.database, BEGIN + unit * HOUR, made)
    watched.sizes.clear()
    sheet = Sheet("test-a", ACCOUNT, "BRL", Period(BEGIN, BEGIN + DAY))
    pieces = exports.statement(History(watched.database), sheet, Tally(0, 3_000 * 1_205))
    rows_of = [(await anext(pieces)).count(b"\n")]
    assert watched.sizes == []
    async for piece in pieces:
        rows_of.append(piece.count(b"\n"))
        assert len(watched.sizes) == min(len(rows_of) - 1, 7)
    assert rows_of == [2, *[500] * 6, 3]
    assert max(watched.sizes) == 500


async def test_a_statement_that_does_not_add_up_is_not_shown(replica: Replica, api: httpx.AsyncClient) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES), Made(BEGIN, "2", ENTRIES)])
    query = {"currency": "BRL", "from_": BEGIN.isoformat(), "to": (BEGIN + 2 * DAY).isoformat()}
    first = await got(api, STATEMENT, **query, limit=1)
    await replica.parts.checkpoints.make("test-a", "BRL", BEGIN + DAY)
    field = {f"amounts.{ACCOUNT}": {"$exists": True}}
    await replica.database.checkpoint_balances.update_one(field, {"$inc": {f"amounts.{ACCOUNT}": 1}})
    assert await refused(api, STATEMENT, **query) == (500, "internal")
    assert (await got(api, STATEMENT, **query, limit=1, cursor=first["next_cursor"]))["closing_minor"] == 2_410
    pieces = exports.statement(
        History(replica.database), Sheet("test-a", ACCOUNT, "BRL", Period(BEGIN, BEGIN + 2 * DAY)), Tally(0, 2_411)
    )
    with pytest.raises(ValueError, match="the entries end at 2410, the books say 2411"):
        _ = [piece async for piece in pieces]


async def test_a_cursor_is_good_for_its_own_statement_alone(replica: Replica, api: httpx.AsyncClient) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, str(number), ENTRIES) for number in range(3)])
    query = {"currency": "BRL", "from_": BEGIN.isoformat(), "limit": 1}
    cursor = (await got(api, STATEMENT, **query))["next_cursor"]
    invalid = (422, "cursor_invalid")
    assert await refused(api, f"accounts/{CLEARING}/statement", **query, cursor=cursor) == invalid
    assert await refused(api, STATEMENT, **{**query, "from_": (BEGIN + HOUR).isoformat()}, cursor=cursor) == invalid
    assert await refused(api, STATEMENT, **{**query, "currency": "JPY"}, cursor=cursor) == invalid
    assert await refused(api, STATEMENT, **query, cursor="WyJhIl0=") == invalid
    after, name, until_ms, *figures = http.key_of(cursor, str, *[int] * 7) or ()
    forged = [
        http.cursor_of(after, name, until_ms, figures[0] + 1, *figures[1:]),
        http.cursor_of(after, name, until_ms + 10**10, *figures),
        http.cursor_of(after, name, -1, *figures),
    ]
    for it in forged:
        assert await refused(api, STATEMENT, **{**query, "limit": 9}, cursor=it) == invalid
