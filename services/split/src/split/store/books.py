"""The ledger as documents: blocks of transactions, balances per stripe, and the hash chain of each stripe.

One `Books` serves one unit of work: it collects, then `close` writes each balance once and one link for all.
"""

from collections.abc import Callable
from typing import Final

from shared.mongo import Database, Document, Index, Session
from shared.work import Work
from split.domain.ledger import GENESIS, Kind, Transaction, imbalance, link_hash
from split.domain.orders import Order
from split.store import balances, blocks
from split.store.balances import BALANCES
from split.store.blocks import EPOCH, MILLISECOND, Filling

HEADS: Final = "heads"
LINKS: Final = "links"
INDEXES: Final[dict[str, list[Index]]] = {
    **blocks.INDEXES,
    BALANCES: [],
    HEADS: [],
    LINKS: [],
}


class Books:
    """What one unit of work books."""

    def __init__(self, work: Work, seq: int, previous: bytes, note_imbalance: Callable[[int], None]) -> None:
        """Use `opened` to make one."""
        self._work = work
        self._seq = seq
        self._previous = previous
        self._note_imbalance = note_imbalance
        self._at_ms = (work.now - EPOCH) // MILLISECOND
        self._begun = 0
        self._filling: dict[tuple[str, str], Filling] = {}
        self._listed: list[tuple[str, bytes]] = []
        self._balances: dict[tuple[str, str], dict[str, int]] = {}

    @classmethod
    async def opened(cls, database: Database, work: Work, note_imbalance: Callable[[int], None]) -> "Books":
        """Return books at the end of this stripe's chain."""
        head = await _head(database, work.stripe, work.session)
        seq, previous = (head["seq"], bytes(head["hash"])) if head else (0, GENESIS)
        return cls(work, seq, previous, note_imbalance)

    def post(self, order: Order, kind: Kind, entries: dict[str, int], cause: str) -> None:
        """Book one transaction of an order, minor units by account; without entries there is nothing to book."""
        self.post_about((order.marketplace, order.currency), order.key, kind, entries, cause)

    def post_about(self, place: tuple[str, str], about: str, kind: Kind, entries: dict[str, int], cause: str) -> None:
        """Book one transaction in a marketplace and currency; `about` is the order, or what else it is about."""
        if not entries:
            return
        booked = Transaction(order=about, cause=cause, kind=kind, entries=entries)
        filling = self._filling.get(place)
        if filling is not None and not filling.takes(booked):
            self._seal(place, filling)
            filling = None
        if filling is None:
            filling = self._filling[place] = Filling(self._at_ms, self._begun)
            self._begun += 1
        filling.add(booked)
        moved = self._balances.setdefault(place, {})
        for account, amount in entries.items():
            moved[account] = moved.get(account, 0) + amount

    def close(self) -> None:
        """Write the last blocks, the balances and the link; the head moves only if nobody else moved it meanwhile."""
        for place, filling in self._filling.items():
            self._seal(place, filling)
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
                "blocks": [{"id": identity, "hash": listed} for identity, listed in self._listed],
            },
        )
        head = {"$set": {"seq": seq, "hash": content}}
        work.update(HEADS, stripe, head, upsert=self._seq == 0)
        missing = imbalance(self._balances)
        work.after_commit(lambda: self._note_imbalance(missing))

    def _seal(self, place: tuple[str, str], filling: Filling) -> None:
        block = filling.sealed(*place, self._work.stripe, self._at_ms)
        content = block.hash()
        self._listed.append((block.id, content))
        blocks.insert(self._work, block, content)


async def _head(database: Database, stripe: str, session: Session) -> Document | None:
    return await database[HEADS].find_one({"_id": stripe}, session=session)
