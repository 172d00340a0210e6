"""How entries of statements are stored, paged and totalled: one document per leg that was paid or came back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from merchant.domain.statements import Entry, Settlement
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

LINES: Final = "statement_lines"
INDEXES: Final[dict[str, list[Index]]] = {
    LINES: [
        # Pages are read in this order. Currency and amount stand in it so that totals read the index alone.
        Index(
            [("marketplace", UP), ("merchant", UP), ("at", UP), ("_id", UP), ("currency", UP), ("amount_minor", UP)],
        ),
    ],
}

EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """Whose entries, from when (inclusive) until when (exclusive)."""

    marketplace: str
    owner: str
    since: datetime | None = None
    until: datetime | None = None

    def query(self) -> Document:
        """Return the query for them, which the index answers."""
        at: Document = {"$gte": self.since or EARLIEST}
        if self.until is not None:
            at["$lt"] = self.until
        return {"marketplace": self.marketplace, "merchant": self.owner, "at": at}


class Statements:
    """Entries of statements; `_id` names leg, attempt and kind, so that nothing stands there twice."""

    def __init__(self, database: Database) -> None:
        self._lines = database[LINES]

    async def known(self, identities: Iterable[str], session: Session) -> set[str]:
        """Return which of these entries are there, in this snapshot."""
        wanted = {"_id": {"$in": list(identities)}}
        return {it["_id"] for it in await self._lines.find(wanted, {"_id": 1}, session=session).to_list(None)}

    def record(self, work: Work, settlement: Settlement, entry: Entry) -> None:
        """Record one entry."""
        work.insert(
            LINES,
            {
                "_id": entry.identity,
                "marketplace": settlement.marketplace,
                "merchant": entry.owner,
                "document": settlement.document,
                "payout_id": settlement.payout_id,
                "leg_id": entry.leg_id,
                "attempt": entry.attempt,
                "kind": entry.kind,
                "amount_minor": entry.amount_minor,
                "currency": settlement.currency,
                "at": settlement.at,
                "lines": [{"kind": kind, "amount_minor": minor} for kind, minor in entry.lines],
            },
        )

    async def page(self, span: Span, after: tuple[datetime, str] | None, count: int) -> list[Document]:
        """Return entries in order of time and id, after this one. What is there when reading begins comes once."""
        query = span.query()
        if after is not None:
            at, identity = after
            # The bound on `at` lets the index begin at the page; the rest leaves out what the page before ended with.
            query["at"]["$gte"] = max(at, query["at"]["$gte"])
            query["$or"] = [{"at": {"$gt": at}}, {"at": at, "_id": {"$gt": identity}}]
        return await self._lines.find(query).sort([("at", UP), ("_id", UP)]).limit(count).to_list(count)

    async def totals(self, span: Span) -> list[Document]:
        """Return counts and sums by currency, read from the index alone."""
        return await self._lines.aggregate(totals_of(span)).to_list(None)


def totals_of(span: Span) -> list[Document]:
    """Return the aggregation that counts and sums by currency; it needs no field that is not in the index."""
    returned = {"$cond": [{"$lt": ["$amount_minor", 0]}, {"$multiply": ["$amount_minor", -1]}, 0]}
    sums = {
        "_id": "$currency",
        "entries": {"$sum": 1},
        "paid_minor": {"$sum": {"$cond": [{"$gt": ["$amount_minor", 0]}, "$amount_minor", 0]}},
        "returned_minor": {"$sum": returned},
        "net_minor": {"$sum": "$amount_minor"},
    }
    return [{"$match": span.query()}, {"$group": sums}, {"$sort": {"_id": UP}}]
