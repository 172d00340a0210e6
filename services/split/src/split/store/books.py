"""The ledger as documents: transactions, balances per stripe, and the hash chain of each stripe.

One `Books` serves one unit of work: it collects, then `close` writes each balance once and one link for all.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import uuid_utils

from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.ledger import GENESIS, Entry, Kind, Transaction, imbalance, link_hash
from split.domain.orders import Order
from split.store import balances
from split.store.balances import BALANCES

TRANSACTIONS: Final = "transactions"
HEADS: Final = "heads"
LINKS: Final = "links"
INDEXES: Final[dict[str, list[Index]]] = {
    # The entries of an account, by time: `_id` begins with it.
    TRANSACTIONS: [Index([("marketplace", UP), ("currency", UP), ("entries.account", UP), ("_id", UP)])],
    BALANCES: [],
    HEADS: [],
    LINKS: [],
}
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


class Books:
    """What one unit of work books."""

    def __init__(self, work: Work, seq: int, previous: bytes, note_imbalance: Callable[[int], None]) -> None:
        """Use `opened` to make one."""
        self._work = work
        self._seq = seq
        self._previous = previous
        self._note_imbalance = note_imbalance
        self._at_ms = (work.now - EPOCH) // MILLISECOND
        self._listed: list[tuple[str, bytes]] = []
        self._balances: dict[tuple[str, str], dict[str, int]] = {}

    @classmethod
    async def opened(cls, database: Database, work: Work, note_imbalance: Callable[[int], None]) -> "Books":
        """Return books at the end of this stripe's chain."""
        head = await _head(database, work.stripe, work.session)
        seq, previous = (head["seq"], bytes(head["hash"])) if head else (0, GENESIS)
        return cls(work, seq, previous, note_imbalance)

    def post(self, order: Order, kind: Kind, entries: tuple[Entry, ...], cause: str) -> None:
        """Book one transaction; without entries there is nothing to book."""
        if not entries:
            return
        booked = Transaction(
            id=str(uuid_utils.uuid7()),
            marketplace=order.marketplace,
            currency=order.currency,
            order=order.key,
            cause=cause,
            kind=kind,
            entries=entries,
            at_ms=self._at_ms,
        )
        content = booked.hash()
        self._listed.append((booked.id, content))
        self._work.insert(TRANSACTIONS, self._document(booked, content))
        moved = self._balances.setdefault((booked.marketplace, booked.currency), {})
        for entry in entries:
            moved[entry.account] = moved.get(entry.account, 0) + entry.amount_minor

    def close(self) -> None:
        """Write the balances and the link; the head moves only if nobody else moved it meanwhile."""
        if not self._listed:
            return
        work, stripe, seq = self._work, self._work.stripe, self._seq + 1
        for (marketplace, currency), amounts in self._balances.items():
            balances.add(work, marketplace, currency, amounts)
        content = link_hash(self._previous, seq, self._listed)
        work.insert(
            LINKS,
            {
                "_id": f"{stripe}/{seq}",
                "stripe": stripe,
                "seq": seq,
                "previous": self._previous,
                "hash": content,
                "transactions": [{"id": identity, "hash": listed} for identity, listed in self._listed],
            },
        )
        head = {"$set": {"seq": seq, "hash": content}}
        work.update(HEADS, stripe, head, upsert=self._seq == 0)
        missing = imbalance(self._balances)
        work.after_commit(lambda: self._note_imbalance(missing))

    def _document(self, booked: Transaction, content: bytes) -> Document:
        return {
            "_id": booked.id,
            "marketplace": booked.marketplace,
            "currency": booked.currency,
            "order": booked.order,
            "cause": booked.cause,
            "kind": booked.kind,
            "entries": [{"account": it.account, "amount_minor": it.amount_minor} for it in booked.entries],
            "at": self._work.now,
            "stripe": self._work.stripe,
            "hash": content,
        }


async def _head(database: Database, stripe: str, session: Session) -> Document | None:
    return await database[HEADS].find_one({"_id": stripe}, session=session)
