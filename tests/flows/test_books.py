"""Stories of the books through the cluster: what finance reads of a day, and what the audit says of the same."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.flows.conftest import Cluster
from tests.flows.market import Json, Market, selling, until
from tests.flows.refunding import nothing_comes_back, refunded, rich, sold
from tests.flows.test_audit import audited

from shared import clock, mongo

pytestmark = pytest.mark.infra

LATER = timedelta(minutes=3)
"""What was booked longer ago than two minutes is final."""


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


async def read(market: Market, path: str, **query: str) -> Json:
    answer = await market.http.get(market.url("split", path), params=query)
    assert answer.is_success, answer.text
    return dict(answer.json())


async def rows(market: Market, path: str, **query: str) -> list[dict[str, str]]:
    answer = await market.http.get(market.url("split", path), params=query)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8", answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def minutes_pass(market: Market, since: datetime) -> None:
    """Move split's clock, and wait until it shows: what the test has booked is final then."""
    client = mongo.connect(market.cluster.urls["mongo"])
    await clock.move(client[market.cluster.database("split")], LATER)
    client.close()

    async def shown() -> datetime:
        page = await read(
            market, "accounts/platform:commission/statement", currency="CNY", **{"from": since.isoformat()}
        )
        return datetime.fromisoformat(page["to"])

    now = datetime.now(UTC)
    await until(shown, lambda it: it > now)


async def test_finance_reads_a_refund_that_became_a_debt_and_was_paid_off(market: Market, tmp_path: Path) -> None:
    """100.00 are refunded and nothing comes back: acme owes 90.00, and its next sale brings it so much less."""
    began = datetime.now(UTC) - timedelta(hours=1)
    await rich(market)
    await nothing_comes_back(market)
    order = await sold(market)
    await refunded(market, order, 10_000)
    assert await market.balance("merchant:debt/acme") == -9_000
    report = await until(lambda: audited(market, tmp_path), lambda it: not it.tally.places.of("waiting"))
    assert report.findings.shown == []
    next_one = market.order(amount_minor=20_000)
    await market.pay(next_one)
    await market.publish(next_one)
    await market.reaches(next_one, "settled")
    pockets = await market.pockets()
    assert (pockets["merchant:acme"], pockets["platform:advance"]) == (9_000 + 9_000, 9_000)
    await minutes_pass(market, began)
    await the_statement_shows_the_debt(market, began)
    await the_journal_is_the_trial_balance(market, began)
    report = await until(lambda: audited(market, tmp_path), lambda it: not it.tally.places.of("waiting"))
    assert (report.findings.shown, report.tally.places.of("settled")) == ([], 2)


async def the_statement_shows_the_debt(market: Market, began: datetime) -> None:
    asked = {"currency": "CNY", "from": began.isoformat()}
    page = await read(market, "accounts/merchant:debt/acme/statement", **asked)
    assert (page["opening_minor"], page["closing_minor"]) == (0, 0)
    assert [it["amount_minor"] for it in page["items"]] == [-9_000, 9_000]
    file = await rows(market, "accounts/merchant:debt/acme/statement.csv", **asked)
    assert [(it["row"], it["amount"], it["balance"]) for it in file] == [
        ("opening", "", "0.00"),
        ("entry", "-90.00", "-90.00"),
        ("entry", "90.00", "0.00"),
        ("credits", "90.00", ""),
        ("debits", "-90.00", ""),
        ("closing", "", "0.00"),
    ]


async def the_journal_is_the_trial_balance(market: Market, began: datetime) -> None:
    """Add up the journal by transaction, which comes to zero, and by account, which comes to the trial balance."""
    by_transaction, by_account = Counter[str](), Counter[str]()
    for it in await rows(market, "journal.csv", currency="CNY", **{"from": began.isoformat()}):
        by_transaction[it["transaction_id"]] += int(it["amount_minor"])
        by_account[it["account"]] += int(it["amount_minor"])
    assert set(by_transaction.values()) == {0}
    groups: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for account, amount in by_account.items():
        groups[account.partition("/")[0]][amount > 0] += abs(amount)
    now, then = (
        await read(market, "trial-balance"),
        await read(market, "trial-balance", at=datetime.now(UTC).isoformat()),
    )
    for found in (now, then):
        (trial,) = found["currencies"]
        assert trial["balanced"]
        assert {it["group"]: [it["debit_minor"], it["credit_minor"]] for it in trial["groups"]} == groups
