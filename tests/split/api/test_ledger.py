"""The trial balance and the journal over HTTP, and what the routes of the books refuse."""

from datetime import UTC, datetime

import httpx
from tests.split.api.asking import got, refused, rows
from tests.split.bookkeeping import BEGIN, DAY, HOUR, Made, book
from tests.split.replica import Replica

ACCOUNT = "merchant:held/m1"
CLEARING = "channel:clearing/test-a"
ENTRIES = {ACCOUNT: 1_205, CLEARING: -1_205}
BACK = {ACCOUNT: -5, CLEARING: 5}
STATEMENT = f"accounts/{ACCOUNT}/statement"


async def test_a_trial_balance_has_equal_sums_of_every_kind_of_account_by_currency(
    replica: Replica, api: httpx.AsyncClient
) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES)], stripe="a#0")
    await book(replica.database, BEGIN + HOUR, [Made(BEGIN, "2", {ACCOUNT: -2_000, "merchant:held/m2": 2_000})])
    await book(replica.database, BEGIN + DAY, [Made(BEGIN, "3", ENTRIES)], stripe="b#0", currency="JPY")
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES)], marketplace="test-b")
    held_group = {"group": "merchant:held", "accounts": 2, "debit_minor": 795, "credit_minor": 2_000}
    clearing = {"group": "channel:clearing", "accounts": 1, "debit_minor": 1_205, "credit_minor": 0}
    first = {"group": "merchant:held", "accounts": 1, "debit_minor": 0, "credit_minor": 1_205}
    brl = {"currency": "BRL", "groups": [clearing, held_group], "debit_minor": 2_000, "credit_minor": 2_000}
    jpy = {"currency": "JPY", "groups": [clearing, first], "debit_minor": 1_205, "credit_minor": 1_205}
    balanced = {"balanced": True}
    assert await got(api, "trial-balance") == {"at": None, "currencies": [brl | balanced, jpy | balanced]}
    assert await got(api, "trial-balance", currency="JPY") == {"at": None, "currencies": [jpy | balanced]}
    past = await got(api, "trial-balance", at="2025-03-01T01:00:00Z", currency="BRL")
    early = {"currency": "BRL", "groups": [clearing, first], "debit_minor": 1_205, "credit_minor": 1_205}
    assert past == {"at": "2025-03-01T01:00:00Z", "currencies": [early | balanced]}
    await replica.parts.checkpoints.make("test-a", "BRL", BEGIN + HOUR)
    assert await got(api, "trial-balance", at="2025-03-01T01:00:00Z", currency="BRL") == past
    later = await got(api, "trial-balance", at=(datetime.now(UTC) + DAY).isoformat(), currency="BRL")
    assert later["currencies"] == [brl | balanced]
    assert datetime.fromisoformat(later["at"]) < datetime.now(UTC)


async def test_a_kind_of_account_has_its_name_in_a_trial_balance(replica: Replica, api: httpx.AsyncClient) -> None:
    odd = {"platform:a.b%2E/c.d": 5, "platform:a.b%2E": -5}
    await book(replica.database, BEGIN, [Made(BEGIN, "1", odd)])
    sums = {"group": "platform:a.b%2E", "accounts": 2, "debit_minor": 5, "credit_minor": 5}
    for query in ({}, {"at": (BEGIN + DAY).isoformat()}):
        (found,) = (await got(api, "trial-balance", **query))["currencies"]
        assert found["groups"] == [sums]


async def test_a_trial_balance_says_when_the_books_are_wrong(replica: Replica, api: httpx.AsyncClient) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES)])
    await replica.database.balances.update_one({}, {"$inc": {f"amounts.{ACCOUNT}": 1}})
    (found,) = (await got(api, "trial-balance"))["currencies"]
    assert (found["debit_minor"], found["credit_minor"], found["balanced"]) == (1_205, 1_206, False)


async def test_the_journal_has_a_row_for_every_entry(replica: Replica, api: httpx.AsyncClient) -> None:
    made = [Made(BEGIN, '@1,"x"', ENTRIES), Made(BEGIN, "+2", BACK, "settle")]
    await book(replica.database, BEGIN, made)
    await book(replica.database, BEGIN + DAY, made)
    await book(replica.database, BEGIN, made, currency="JPY")
    found = await rows(api, "journal.csv", currency="BRL", from_=BEGIN.isoformat(), to=(BEGIN + DAY).isoformat())
    block = (await replica.database.blocks.find_one({"at": BEGIN, "currency": "BRL"}) or {})["_id"]
    assert [tuple(it.values()) for it in found] == [
        (f"{block}.{place}", "2025-03-01T00:00:00.000Z", kind, f"'{order}", f"cause of {order}", account, "BRL", *money)
        for place, kind, order, account, *money in (
            ("00", "split", '@1,"x"', ACCOUNT, "1205", "12.05"),
            ("00", "split", '@1,"x"', CLEARING, "-1205", "-12.05"),
            ("01", "settle", "+2", ACCOUNT, "-5", "-0.05"),
            ("01", "settle", "+2", CLEARING, "5", "0.05"),
        )
    ]
    answer = await api.get("journal.csv", params={"currency": "BRL", "first_day": "2025-03-02"})
    assert answer.headers["content-disposition"] == (
        'attachment; filename="journal-test-a-BRL-20250301T160000-20250302T160000.csv"'
    )
    assert len(answer.text.splitlines()) == 5


async def test_what_cannot_be_answered_says_why(replica: Replica, api: httpx.AsyncClient) -> None:
    await book(replica.database, BEGIN, [Made(BEGIN, "1", ENTRIES)])
    for path in (STATEMENT, f"{STATEMENT}.csv", "journal.csv"):
        assert await refused(api, path, currency="BRL") == (422, "period_missing")
        assert await refused(api, path, currency="BRL", first_day="2999-01-01") == (422, "period_not_begun")
        both = {"currency": "BRL", "first_day": "2025-01-01", "from_": BEGIN.isoformat()}
        assert await refused(api, path, **both) == (422, "period_ambiguous")
        assert await refused(api, path, first_day="2025-01-01") == (422, "contract")
        assert await refused(api, path, currency="BRL", from_="2025-01-01T00:00:00") == (422, "contract")
        nowhere = f"http://split/v1/marketplaces/nowhere/{path}"
        assert await refused(api, nowhere, currency="BRL", first_day="2025-01-01") == (404, "marketplace_unknown")
    for suffix in ("", ".csv"):
        path = f"accounts/merchant:held/m2/statement{suffix}"
        assert await refused(api, path, currency="BRL", first_day="2025-01-01") == (404, "account_unknown")
        other = f"http://split/v1/marketplaces/test-b/{STATEMENT}{suffix}"
        assert await refused(api, other, currency="BRL", first_day="2025-01-01") == (404, "account_unknown")
    assert await refused(api, "http://split/v1/marketplaces/nowhere/trial-balance") == (404, "marketplace_unknown")
    other = "http://split/v1/marketplaces/test-b"
    assert await got(api, f"{other}/trial-balance") == {"at": None, "currencies": []}
    assert await rows(api, f"{other}/journal.csv", currency="BRL", first_day="2025-03-01") == []
