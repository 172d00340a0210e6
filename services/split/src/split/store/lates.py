"""Merchants of whom a version came too late: from when on orders may have been split under an older one.

Written in the transaction that keeps the version, so that no crash loses it; what was split is found in the ledger.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from shared.mongo import TRANSACTION_S_MAX, UP, Database, Document, Index, Session
from shared.work import Work
from split.store import accounts, blocks
from split.store.blocks import BLOCKS

LATES: Final = "lates"
AHEAD: Final = timedelta(minutes=5)
"""How much later than its booking an order may be paid (architecture, Agreements)."""
SETTLED: Final = timedelta(seconds=2 * TRANSACTION_S_MAX)
"""After so long no unit of work is open that had not seen the version."""
INDEXES: Final[dict[str, list[Index]]] = {
    # The longest waiting first.
    LATES: [Index([("at", UP)])],
}


class Late(msgspec.Struct, frozen=True):
    """A version of a merchant that came at a time, and was in force from `since` on."""

    key: str
    marketplace: str
    merchant: str
    since: datetime
    at: datetime
    version: int


class Lates:
    """Late versions of one database, and what was split before they came."""

    def __init__(self, database: Database) -> None:
        self._lates = database[LATES]
        self._blocks = database[BLOCKS]

    async def open(self, limit: int) -> list[str]:
        """Return keys of up to `limit` merchants, the longest waiting first."""
        cursor = self._lates.find({}, {"_id": 1}).sort("at", UP).limit(limit)
        return [it["_id"] for it in await cursor.to_list(None)]

    async def find(self, key: str, session: Session | None = None) -> Late | None:
        """Return one, if it still stands."""
        it = await self._lates.find_one({"_id": key}, session=session)
        return None if it is None else msgspec.convert({**it, "key": it["_id"]}, Late)

    def ask(self, work: Work, marketplace: str, merchant: str, since: datetime, version: int) -> str:
        """Have what was split since then looked at; return the key. `version` is that of the merchant."""
        key = f"{marketplace}/{merchant}"
        said = {"marketplace": marketplace, "merchant": merchant, "at": work.now, "version": version}
        work.update(LATES, key, {"$set": said, "$min": {"since": since}}, upsert=True)
        return key

    def done(self, work: Work, late: Late) -> None:
        """Forget it; a version that came meanwhile makes the unit run again."""
        work.delete(LATES, late.key)

    async def currencies(self, marketplace: str) -> list[str]:
        """Return the currencies that a marketplace has booked."""
        found: list[str] = await self._blocks.distinct("currency", {"marketplace": marketplace})
        return sorted(found)

    async def split_since(self, late: Late, currency: str, place: Sequence[str], limit: int) -> list[tuple[str, str]]:
        """Return up to `limit` orders of a merchant split from a little before `since` on, with their places.

        `place` is an account and the transaction in it after which to go on.
        """
        account, after = place
        within: Document = blocks.made_within(late.since - AHEAD, None)["_id"]
        stages = accounts.entries_of(late.marketplace, account, currency, after or None, limit, within)
        found = self._blocks.aggregate(stages, batchSize=limit + 1, hint=dict(blocks.BY_ACCOUNT))
        entries = [accounts.posted(it) for it in await found.to_list(None)]
        return [(it.order, it.transaction_id) for it in entries]


def accounts_of(merchant: str) -> Iterable[str]:
    """Return the accounts in which a split books what a merchant gets, at once or later."""
    return (f"merchant:in_transit/{merchant}", f"merchant:held/{merchant}")
