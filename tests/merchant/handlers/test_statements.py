"""Settled payouts on a real MongoDB: what is paid stands on a statement once, however often it is told."""

import asyncio

import pytest
from tests.merchant.examples import NOW, leg, payout, sale
from tests.merchant.published import Published

from merchant.app import Parts
from merchant.handlers import StatementHandlers
from merchant.store.statements import Statements
from shared import envelope
from shared.commits import Commits
from shared.messages import Breakdown, PayoutSettled, encode
from shared.mongo import Database
from shared.record import Batch, Raw, Received
from shared.work import Work

pytestmark = pytest.mark.infra


def received(event: PayoutSettled, offset: int = 0) -> Received[PayoutSettled]:
    headers = envelope.headers_of(event, "/weir/payments", NOW, NOW)
    raw = Raw(event.topic, 0, offset, 0, event.key.encode(), encode(event), headers)
    return Received(event, envelope.read(headers), raw)


async def take(parts: Parts, commits: Commits, *events: PayoutSettled) -> Work:
    batch = Batch([received(event, at) for at, event in enumerate(events)], NOW)
    works = []

    async def decide(work: Work) -> None:
        works.append(work)
        await parts.keep_statements.keep_entries(batch, work)

    await commits.run(decide)
    return works[-1]


async def test_what_was_paid_stands_on_the_statement_with_its_reasons(
    parts: Parts, commits: Commits, database: Database
) -> None:
    commission = leg("platform:commission", 120)
    await take(parts, commits, payout(sale(), commission))
    found = {it["merchant"]: it async for it in database.statement_lines.find({})}
    assert set(found) == {"alice", "platform:commission"}
    assert found["alice"] == {
        "_id": "test-shop/o:o-1/merchant:alice/1/1/paid",
        "marketplace": "test-shop",
        "merchant": "alice",
        "document": "o:o-1",
        "payout_id": "o:o-1.1",
        "leg_id": "test-shop/o:o-1/merchant:alice/1",
        "attempt": 1,
        "kind": "paid",
        "amount_minor": 1_080,
        "currency": "EUR",
        "at": NOW,
        "lines": [
            {"kind": "gross", "amount_minor": 1_000},
            {"kind": "freight", "amount_minor": 200},
            {"kind": "commission", "amount_minor": -120},
        ],
    }


async def test_a_revision_that_repeats_a_paid_leg_makes_nothing_twice(
    parts: Parts, commits: Commits, database: Database
) -> None:
    bob = "merchant:bob"
    first = payout(sale(), leg(bob, 50, "unknown"))
    second = payout(sale(), leg(bob, 50), revision=2)
    third = payout(sale("returned"), leg(bob, 50), revision=3)
    await take(parts, commits, first, first, second)
    for event in (second, third, first, third):
        await take(parts, commits, event)
    kept = [(it["merchant"], it["kind"], it["amount_minor"]) async for it in database.statement_lines.find({})]
    assert sorted(kept) == [("alice", "paid", 1_080), ("alice", "returned", -1_080), ("bob", "paid", 50)]


async def test_what_its_lines_do_not_explain_goes_to_the_dead_letters_and_the_rest_is_kept(
    parts: Parts, commits: Commits, published: Published, database: Database
) -> None:
    wrong = payout(leg("merchant:bob", 100, breakdown=Breakdown(gross_minor=99)), order="o-2")
    work = await take(parts, commits, payout(sale()), wrong)
    assert work.dispositions == ["contract"]
    assert [record.topic for record in published.records] == ["payout-settled.merchant.dlq"]
    assert [it["merchant"] async for it in database.statement_lines.find({})] == ["alice"]


async def test_of_two_open_transactions_on_one_payout_one_runs_again_and_adds_nothing(
    commits: Commits, database: Database
) -> None:
    both_have_read = asyncio.Barrier(2)

    class Meeting(Statements):
        reads = 0

        async def known(self, *given: object) -> set[str]:
            Meeting.reads += 1
            first = Meeting.reads <= 2
            found = await super().known(*given)  # type: ignore[arg-type] # handed on as they are
            if first:
                await both_have_read.wait()
            return found

    handlers = StatementHandlers(Meeting(database))

    async def once() -> None:
        await commits.run(lambda work: handlers.keep_entries(Batch([received(payout(sale()))], NOW), work))

    await asyncio.gather(once(), once())
    assert await database.statement_lines.count_documents({}) == 1
    assert Meeting.reads == 3


async def test_a_batch_is_one_read_however_many_legs_it_has(commits: Commits, database: Database) -> None:
    class Counting(Statements):
        reads = 0

        async def known(self, *given: object) -> set[str]:
            Counting.reads += 1
            return await super().known(*given)  # type: ignore[arg-type] # handed on as they are

    events = [payout(sale(leg_id=f"l{it}"), leg(leg_id=f"c{it}"), order=str(it)) for it in range(500)]
    handlers = StatementHandlers(Counting(database))
    batch = Batch([received(event) for event in events], NOW)
    await commits.run(lambda work: handlers.keep_entries(batch, work))
    assert await database.statement_lines.count_documents({}) == 1_000
    assert Counting.reads == 1
