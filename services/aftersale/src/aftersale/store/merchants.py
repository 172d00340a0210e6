"""Aftersale's own copy of merchants, as merchant-changed tells of them."""

from collections.abc import Iterable
from typing import Final

from shared.messages import MerchantChanged, encode
from shared.mongo import Database, Session
from shared.work import Work

MERCHANTS: Final = "merchants"


class Merchants:
    """Copies by `<marketplace>/<merchant>`."""

    def __init__(self, database: Database) -> None:
        self._merchants = database[MERCHANTS]

    async def versions(self, keys: Iterable[str], session: Session) -> dict[str, int]:
        """Return the versions of those that are there, in this snapshot."""
        found = self._merchants.find({"_id": {"$in": list(keys)}}, {"version": 1}, session=session)
        return {it["_id"]: it["version"] for it in await found.to_list(None)}

    def record(self, work: Work, event: MerchantChanged, before: int | None) -> None:
        """Record a merchant's state over version `before`; somebody else's change makes the unit run again."""
        fields = {"version": event.version, "body": encode(event)}
        if before is None:
            work.insert(MERCHANTS, {"_id": event.key, **fields})
        else:
            work.update(MERCHANTS, event.key, {"$set": fields})
