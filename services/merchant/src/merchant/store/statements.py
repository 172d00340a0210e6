"""How entries of statements are stored, paged and totalled: those of one payout share a document, or rarely several.

A document and the keys of its index are most of what an entry costs MongoDB (decision 0015).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from merchant.domain.statements import Entry, Settlement, identity_of
from shared.mongo import UP, Database, Document, Index, Session, by_ids
from shared.work import Work

STATEMENTS: Final = "statements"
INDEXES: Final[dict[str, list[Index]]] = {
    STATEMENTS: [
        # Pages are read in this order; totals read the same documents.
        Index([("marketplace", UP), ("entries.owner", UP), ("at", UP), ("_id", UP)]),
    ],
}

EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
_IDENTITIES: Final = {"entries.leg_id": 1, "entries.attempt": 1, "entries.kind": 1, "more": 1}


class Span(NamedTuple):
    """Whose entries, from when (inclusive) until when (exclusive)."""

    marketplace: str
    owner: str
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> Document:
        """Return the query for the documents that have such entries, which the index answers."""
        at: Document = {"$gte": self.since or EARLIEST}
        if self.until is not None:
            at["$lt"] = self.until
        return {"marketplace": self.marketplace, "entries.owner": self.owner, "at": at}


class Position(NamedTuple):
    """The place of an entry among all: its time, its document, and which of the document's entries it is."""

    at: datetime
    document: str
    entry: int


class Stated(NamedTuple):
    """What stands on statements of one payout: its entries' identities, and how many documents hold them."""

    entries: frozenset[str] = frozenset()
    documents: int = 0


class Statements:
    """Entries of statements; `_id` is `<marketplace>/<payout_id>/<k>`, k from 0.

    A document never changes, but for `more` of the first: the k of the last. Two writers of one payout so conflict.
    """

    def __init__(self, database: Database) -> None:
        self._statements = database[STATEMENTS]

    async def stated(self, payouts: Iterable[str], session: Session) -> dict[str, Stated]:
        """Return what stands of these payouts, `<marketplace>/<payout_id>`, in this snapshot; nothing of a new one.

        One read; a second where a payout had entries in a later revision too.
        """
        firsts = await by_ids(self._statements, [f"{payout}/0" for payout in payouts], session, _IDENTITIES)
        later = [f"{_payout(it)}/{k}" for it in firsts for k in range(1, it.get("more", 0) + 1)]
        found: dict[str, Stated] = {}
        for it in [*firsts, *await by_ids(self._statements, later, session, _IDENTITIES)]:
            known = found.get(_payout(it), Stated())
            entries = known.entries.union(identity_of(e["leg_id"], e["attempt"], e["kind"]) for e in it["entries"])
            found[_payout(it)] = Stated(entries, known.documents + 1)
        return found

    def record(self, work: Work, settlement: Settlement, entries: Iterable[Entry], number: int) -> None:
        """Record these entries as document `number` of their payout, counted from 0."""
        document = {
            "_id": f"{settlement.key}/{number}",
            "marketplace": settlement.marketplace,
            "payout_id": settlement.payout_id,
            "document": settlement.document,
            "currency": settlement.currency,
            "at": settlement.at,
            "entries": [_entry(entry) for entry in entries],
        }
        work.insert(STATEMENTS, document)
        if number:
            work.update(STATEMENTS, f"{settlement.key}/0", {"$set": {"more": number}})

    async def page(self, span: Span, after: Position | None, count: int) -> list[Document]:
        """Return up to `count` entries in order of their positions, after this one, each with the rest of its document.

        What is there when reading begins comes once: a document keeps its entries, and they keep their order.
        """
        found = await self._statements.aggregate(page_of(span, after, count)).to_list(None)
        return [it | it["entries"] for it in found]

    async def totals(self, span: Span) -> list[Document]:
        """Return counts and sums by currency."""
        return await self._statements.aggregate(totals_of(span)).to_list(None)


def page_of(span: Span, after: Position | None, count: int) -> list[Document]:
    """Return the aggregation of a page. Each document of the query has at least one entry of this owner."""
    query, documents = span.query(), count
    ours: Document = {"entries.owner": span.owner}
    if after is not None:
        # The bound on `at` lets the index begin at the page; the rest leaves out what the page before ended with. The
        # document where it ended comes again, and may have no further entry.
        query["at"]["$gte"] = max(after.at, query["at"]["$gte"])
        query["$or"] = [{"at": {"$gt": after.at}}, {"at": after.at, "_id": {"$gte": after.document}}]
        documents += 1
        ours["$or"] = [{"_id": {"$ne": after.document}}, {"position": {"$gt": after.entry}}]
    return [
        {"$match": query},
        {"$sort": {"at": UP, "_id": UP}},
        {"$limit": documents},
        {"$unwind": {"path": "$entries", "includeArrayIndex": "position"}},
        {"$match": ours},
        {"$limit": count},
    ]


def totals_of(span: Span) -> list[Document]:
    """Return the aggregation that counts and sums by currency."""
    amount = "$entries.amount_minor"
    sums = {
        "_id": "$currency",
        "entries": {"$sum": 1},
        "paid_minor": {"$sum": {"$cond": [{"$gt": [amount, 0]}, amount, 0]}},
        "returned_minor": {"$sum": {"$cond": [{"$lt": [amount, 0]}, {"$multiply": [amount, -1]}, 0]}},
        "net_minor": {"$sum": amount},
    }
    return [
        {"$match": span.query()},
        {"$unwind": "$entries"},
        {"$match": {"entries.owner": span.owner}},
        {"$group": sums},
        {"$sort": {"_id": UP}},
    ]


def _payout(document: Document) -> str:
    payout: str = document["_id"].rpartition("/")[0]
    return payout


def _entry(entry: Entry) -> Document:
    return {
        "leg_id": entry.leg_id,
        "attempt": entry.attempt,
        "kind": entry.kind,
        "owner": entry.owner,
        "amount_minor": entry.amount_minor,
        "lines": [{"kind": kind, "amount_minor": minor} for kind, minor in entry.lines],
    }
