"""Charges as documents: what was paid without an order, and what became of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from shared import mongo
from shared.mongo import Database, Index, Session
from shared.work import Work
from split.domain.charges import Charge
from split.store.orders import changes_of

CHARGES: Final = "charges"
INDEXES: Final[dict[str, list[Index]]] = {CHARGES: []}
"""Every query is by `_id`, `<marketplace>/charges/<charge>`."""


class Charges:
    """Charges of one database."""

    def __init__(self, database: Database) -> None:
        self._charges = database[CHARGES]

    async def load(self, keys: Iterable[str], session: Session) -> dict[str, Charge]:
        """Return those of these charges that are there."""
        return {it["_id"]: msgspec.convert(it, Charge) for it in await mongo.by_ids(self._charges, keys, session)}

    async def find(self, key: str) -> Charge | None:
        """Return one charge for a reader."""
        it = await self._charges.find_one({"_id": key})
        return None if it is None else msgspec.convert(it, Charge)

    def add(self, work: Work, charge: Charge) -> None:
        """Record a charge."""
        fields = msgspec.to_builtins(charge, builtin_types=(datetime,))
        work.insert(CHARGES, {"_id": charge.key, **fields, "made_at": work.now})

    def change(self, work: Work, before: Charge, after: Charge) -> None:
        """Write what differs between two states of a charge."""
        if change := changes_of(before, after):
            work.update(CHARGES, after.key, change)
