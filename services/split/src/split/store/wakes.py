"""Wakes: names for which orders wait no longer, until every such order has been looked at again.

A wake is written in the transaction that ends the waiting, so that no crash loses it.
"""

from datetime import datetime
from typing import Final

import msgspec

from shared.mongo import UP, Database, Index, Session
from shared.work import Work

WAKES: Final = "wakes"
INDEXES: Final[dict[str, list[Index]]] = {
    # The longest waiting first.
    WAKES: [Index([("at", UP)])],
}


class Wake(msgspec.Struct, frozen=True):
    """Orders of a marketplace that wait for `name` are to be looked at. `seq` rises with every cause."""

    key: str
    marketplace: str
    name: str
    seq: int
    at: datetime


class Wakes:
    """Wakes of one database."""

    def __init__(self, database: Database) -> None:
        self._wakes = database[WAKES]

    async def open(self, limit: int) -> list[str]:
        """Return keys of up to `limit` wakes, the oldest first."""
        cursor = self._wakes.find({}, {"_id": 1}).sort("at", UP).limit(limit)
        return [it["_id"] for it in await cursor.to_list(None)]

    async def find(self, key: str, session: Session) -> Wake | None:
        """Return one wake, if it still stands."""
        it = await self._wakes.find_one({"_id": key}, session=session)
        return None if it is None else msgspec.convert({**it, "key": it["_id"]}, Wake)

    def ask(self, work: Work, marketplace: str, name: str) -> str:
        """Have every order that waits for a name looked at again; return the key of the wake."""
        key = f"{marketplace}/{name}"
        work.increment(WAKES, key, {"seq": 1}, {"marketplace": marketplace, "name": name, "at": work.now})
        return key

    def done(self, work: Work, wake: Wake) -> None:
        """Forget a wake whose orders have all been looked at; one asked for again meanwhile makes the unit run again.

        It was read in this unit's snapshot, so that a cause that came later conflicts with this.
        """
        work.delete(WAKES, wake.key)
