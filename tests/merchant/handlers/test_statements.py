"""Settled payouts on a real MongoDB: what is paid stands on a statement once, however often it is told."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import batched, permutations

import pytest
from tests.merchant.examples import NOW, leg, payout, sale
from tests.merchant.published import Published

from merchant.app import Parts
from merchant.handlers import StatementHandlers
from merchant.store import statements as store
from merchant.store.statements import Stated, Statements
from shared import envelope
from shared.commits import Commits
from shared.messages import Breakdown, PayoutSettled, encode
from shared.mongo import Collection, Database, Document, Session, by_ids
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


async def kept(database: Database) -> list[tuple[str, str, int]]:
    """Return owner, kind and amount of every entry, in order of documents and within them."""
    documents = database.statements.find({}).sort("_id", 1)
    return [(it["owner"], it["kind"], it["amount_minor"]) async for found in documents for it in found["entries"]]


async def test_what_was_paid_stands_on_the_statement_with_its_reasons(
    parts: Parts, commits: Commits, database: Database
) -> None:
    await take(parts, commits, payout(sale(), leg("platform:commission", 120)))
    [found] = await database.statements.find({}).to_list(None)
    assert found == {
        "_id": "test-shop/o:o-1.1/0",
        "marketplace": "test-shop",
        "payout_id": "o:o-1.1",
        "document": "o:o-1",
        "currency": "EUR",
        "at": NOW,
        "entries": [
            {
                "leg_id": "test-shop/o:o-1/merchant:alice/1",
                "attempt": 1,
                "kind": "paid",
                "owner": "alice",
                "amount_minor": 1_080,
                "lines": [
                    {"kind": "gross", "amount_minor": 1_000},
                    {"kind": "freight", "amount_minor": 200},
                    {"kind": "commission", "amount_minor": -120},
                ],
            },
            {
                "leg_id": "test-shop/o:o-1/platform:commission/1",
                "attempt": 1,
                "kind": "paid",
                "owner": "platform:commission",
                "amount_minor": 120,
                "lines": [{"kind": "gross", "amount_minor": 120}],
            },
        ],
    }


def revisions() -> list[PayoutSettled]:
    """Return three revisions of a payout: alice is paid, then bob and carol too, then alice's money comes back."""
    bob, carol = "merchant:bob", "merchant:carol"
    return [
        payout(sale(), leg(bob, 50, "unknown"), leg(carol, 7, "failed")),
        payout(sale(), leg(bob, 50), leg(carol, 7), revision=2, settled_at=NOW + timedelta(hours=1)),
        payout(sale("returned"), leg(bob, 50), leg(carol, 7), revision=3, settled_at=NOW + timedelta(days=2)),
    ]


ALL = [("alice", "paid", 1_080), ("alice", "returned", -1_080), ("bob", "paid", 50), ("carol", "paid", 7)]


async def test_a_later_revision_adds_a_document_with_what_is_new(
    parts: Parts, commits: Commits, database: Database
) -> None:
    for event in revisions():
        await take(parts, commits, event)
    found = {it["_id"]: it async for it in database.statements.find({})}
    told = {identity.rpartition(".1/")[2]: [it["owner"] for it in found[identity]["entries"]] for identity in found}
    assert told == {"0": ["alice"], "1": ["bob", "carol"], "2": ["alice"]}
    assert [found[f"test-shop/o:o-1.1/{k}"]["at"] - NOW for k in range(3)] == [
        timedelta(0),
        timedelta(hours=1),
        timedelta(days=2),
    ]
    assert [found[f"test-shop/o:o-1.1/{k}"].get("more") for k in range(3)] == [2, None, None]


@pytest.mark.parametrize("together", [1, 3, 6])
async def test_an_entry_stands_once_in_whatever_order_revisions_come_and_come_again(
    together: int, parts: Parts, commits: Commits, database: Database
) -> None:
    for order in permutations(revisions()):
        for events in batched([*order, *order], together):
            await take(parts, commits, *events)
        assert sorted(await kept(database)) == ALL
        await database.statements.delete_many({})


async def test_an_entry_told_twice_in_one_payout_stands_once(
    parts: Parts, commits: Commits, database: Database
) -> None:
    await take(parts, commits, payout(sale(), sale()))
    assert await kept(database) == [("alice", "paid", 1_080)]


async def test_what_its_lines_do_not_explain_goes_to_the_dead_letters_and_the_rest_is_kept(
    parts: Parts, commits: Commits, published: Published, database: Database
) -> None:
    wrong = payout(leg("merchant:bob", 100, breakdown=Breakdown(gross_minor=99)), order="o-2")
    work = await take(parts, commits, payout(sale()), wrong)
    assert work.dispositions == ["contract"]
    assert [record.topic for record in published.records] == ["payout-settled.merchant.dlq"]
    assert await kept(database) == [("alice", "paid", 1_080)]


class Meeting(Statements):
    """Statements whose first two readers wait for each other, so that neither sees what the other writes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.reads = 0
        self._both_have_read = asyncio.Barrier(2)

    async def stated(self, payouts: Iterable[str], session: Session) -> dict[str, Stated]:
        self.reads += 1
        is_first = self.reads <= 2
        found = await super().stated(payouts, session)
        if is_first:
            await self._both_have_read.wait()
        return found


@pytest.mark.parametrize("before", [0, 1])
async def test_of_two_open_transactions_on_one_payout_one_runs_again_and_adds_nothing(
    before: int, parts: Parts, commits: Commits, database: Database
) -> None:
    """Both have the same entries, of a payout that has this many documents already."""
    await take(parts, commits, *revisions()[:before])
    statements = Meeting(database)
    handlers = StatementHandlers(statements)

    async def once() -> None:
        await commits.run(lambda work: handlers.keep_entries(Batch([received(revisions()[before])], NOW), work))

    await asyncio.gather(once(), once())
    assert await database.statements.count_documents({}) == before + 1
    assert statements.reads == 3


@pytest.mark.parametrize("before", [0, 1])
async def test_two_revisions_at_once_state_everything_once(
    before: int, parts: Parts, commits: Commits, database: Database
) -> None:
    first, *two = [*revisions()] if before else [payout(leg(state="failed")), *revisions()[1:]]
    await take(parts, commits, first)
    statements = Meeting(database)
    handlers = StatementHandlers(statements)

    async def once(event: PayoutSettled) -> None:
        await commits.run(lambda work: handlers.keep_entries(Batch([received(event)], NOW), work))

    await asyncio.gather(*(once(event) for event in two))
    assert sorted(await kept(database)) == ALL
    assert statements.reads == 3


async def test_a_batch_is_one_read_however_many_legs_it_has_and_two_with_later_revisions(
    commits: Commits, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    async def counted(collection: Collection, ids: Sequence[str], session: Session, fields: Document) -> list[Document]:
        reads.extend([len(ids)] if ids else [])
        return await by_ids(collection, ids, session, fields)

    monkeypatch.setattr(store, "by_ids", counted)
    handlers = StatementHandlers(Statements(database))
    for state, expected in (("succeeded", [500]), ("returned", [500]), ("returned", [500, 500])):
        events = [payout(sale(state, leg_id=f"l{it}"), leg(leg_id=f"c{it}"), order=str(it)) for it in range(500)]
        batch = Batch([received(event) for event in events], NOW)
        reads.clear()
        await commits.run(lambda work, batch=batch: handlers.keep_entries(batch, work))  # type: ignore[misc] # its own
        assert reads == expected
    assert await database.statements.count_documents({}) == 1_000
