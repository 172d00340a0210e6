"""Payments' own copy of merchants, as merchant-changed tells of them."""

from collections.abc import Iterable

from shared import mongo
from shared.messages import MerchantChanged, decode, encode
from shared.mongo import Database, Session
from shared.work import Work


class Merchants:
    """Copies by `<marketplace>/<merchant>`; the greater version stays."""

    def __init__(self, database: Database) -> None:
        self._merchants = database.merchants

    async def versions(self, keys: Iterable[str], session: Session) -> dict[str, int]:
        """Return the versions that are there."""
        wanted = {"_id": {"$in": list(keys)}}
        found = await self._merchants.find(wanted, {"version": 1}, session=session).to_list(None)
        return {it["_id"]: it["version"] for it in found}

    async def self_operated(self, keys: Iterable[str], session: Session) -> dict[str, set[str]]:
        """Return those of these merchants that are the platform itself (自营), by marketplace."""
        found: dict[str, set[str]] = {}
        for it in await mongo.by_ids(self._merchants, keys, session, {"body": 1}):
            copy = decode(MerchantChanged, it["body"])
            if copy.kind == "self_operated":
                found.setdefault(copy.marketplace, set()).add(copy.merchant)
        return found

    def keep(self, work: Work, event: MerchantChanged, before: int | None) -> None:
        """Replace the copy, which had version `before`."""
        fields = {"version": event.version, "body": encode(event)}
        if before is None:
            work.insert("merchants", {"_id": event.key, **fields})
        else:
            work.update("merchants", event.key, {"$set": fields})
