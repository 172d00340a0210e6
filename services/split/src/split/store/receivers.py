"""Receivers that merchants have bound, as documents: whose money they may be paid, at which account, by whose consent.

No name is kept, only a hash by which the institution's record can be compared with whoever knows the name.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from shared import mongo
from shared.messages import SplitRequested
from shared.mongo import UP, Database, Document, Index, Session
from shared.profiles import Profiles
from shared.work import Work
from split.domain.bindings import Binding, Change, Place
from split.domain.limits import Registry, keys_of

RECEIVERS: Final = "receivers"
COUNTS: Final = "receiver_counts"
CHANGES: Final = "receiver_changes"
INDEXES: Final[dict[str, list[Index]]] = {RECEIVERS: [], COUNTS: [], CHANGES: []}
"""Every query is by `_id` or by a range of it: `<marketplace>/<merchant>/<profile>/<account>/<receiver>`."""

AFTER_SLASH: Final = "0"
"""The character after `/`."""


class Receivers:
    """Reads in the snapshot of a unit of work, and what is to be written at its end."""

    def __init__(self, database: Database, profiles: Profiles) -> None:
        self._receivers = database[RECEIVERS]
        self._counts = database[COUNTS]
        self._changes = database[CHANGES]
        self.profiles = profiles
        self._nothing = Registry(profiles)

    async def registry(self, orders: Iterable[SplitRequested], session: Session) -> Registry:
        """Return what of the registry these orders may need, in one read; without any where no profile asks."""
        wanted: set[str] = set()
        for order in orders:
            profile = self.profiles.find(order.payments[0].channel_profile)
            if profile is not None and profile.receivers_bound_first:
                wanted.update(keys_of(order))
        if not wanted:
            return self._nothing
        found = await mongo.by_ids(self._receivers, wanted, session, {"state": 1})
        return Registry(self.profiles, frozenset(it["_id"] for it in found if it["state"] == "bound"))

    async def known(self, place: Place, session: Session) -> tuple[Binding | None, int]:
        """Return a binding as it is stored, and how many receivers its merchant has bound at that account."""
        found = await self._receivers.find_one({"_id": place.key}, session=session)
        count = await self._counts.find_one({"_id": place.account_key}, session=session)
        return _binding(found) if found else None, count["bound"] if count else 0

    async def change(self, key: str, session: Session) -> Change | None:
        """Return a change that was made, by `<marketplace>/<change id>`."""
        found = await self._changes.find_one({"_id": key}, session=session)
        return msgspec.convert(found | {"place": Place.of(found["place"])}, Change) if found else None

    def record(self, work: Work, change: Change, bound: int) -> None:
        """Write a change, what it makes of its receiver, and how many are bound: who changes another conflicts."""
        place = change.place
        fields: Document = msgspec.to_builtins(change, builtin_types=(datetime,)) | {"place": place.key}
        work.insert(CHANGES, {"_id": f"{place.marketplace}/{change.change_id}", **fields})
        after = {"state": change.state} | ({"terms": fields["terms"]} if change.terms else {})
        work.update(RECEIVERS, place.key, {"$set": after}, upsert=True)
        work.update(COUNTS, place.account_key, {"$set": {"bound": bound}}, upsert=True)

    async def page(self, marketplace: str, merchant: str, after: str | None, limit: int) -> list[Binding]:
        """Return up to `limit` bindings of a merchant after a key, in order of profile, account and receiver."""
        prefix = f"{marketplace}/{merchant}"
        wanted: Document = {"$gt": after or f"{prefix}/", "$lt": f"{prefix}{AFTER_SLASH}"}
        found = self._receivers.find({"_id": wanted}).sort("_id", UP).limit(limit)
        return [_binding(it) for it in await found.to_list(None)]


def _binding(document: dict[str, Any]) -> Binding:
    return msgspec.convert(document | {"place": Place.of(document["_id"])}, Binding)
