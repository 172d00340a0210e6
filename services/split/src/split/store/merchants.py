"""Split's copy of merchants, and `waiting`: the document that a share and the news it waits for both write.

Under snapshot isolation a share that finds no agreement and an agreement that finds no share would both commit and
never meet. Both write `waiting/<merchant>`, so that one of them runs again and sees the other.
"""

import zlib
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from shared import mongo
from shared.messages import MerchantChanged, decode
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.gates import MINIMUM
from split.domain.stops import STOP
from split.domain.tariff import RULES

MERCHANTS: Final = "merchants"
WAITING: Final = "waiting"
COPIES_KEPT: Final = 4_096
"""Read bodies kept in memory, about 3 KB each."""
STOP_BUCKETS: Final = 16
"""Documents in which a stop counts its orders, one for each of the stripes that hold them: all orders of a marketplace
may wait for one stop, and batches that wrote one document would run one after another."""
COPY_BYTES_MAX: Final = 8_000
"""Of one that is kept: 64 MB in all, with what is read of them. Of 1,000 agreements it has 450 KB, read each time."""
INDEXES: Final[dict[str, list[Index]]] = {
    MERCHANTS: [],
    # Merchants that orders wait for, for the sweep.
    WAITING: [Index([("count", UP)], partial={"count": {"$gt": 0}})],
}


class Copy(msgspec.Struct, frozen=True, gc=False):
    """A stored copy as it stands there."""

    version: int
    body: bytes

    def read(self) -> MerchantChanged:
        """Read it."""
        return _merchant(self.body)


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """Orders that wait for a merchant; `released`: up to which version they have all been looked at again."""

    key: str
    count: int
    version: int
    released: int
    announced_at: datetime | None


class Merchants:
    """Reads in the snapshot of a unit of work, and what is to be written at its end."""

    def __init__(self, database: Database) -> None:
        self._merchants = database[MERCHANTS]
        self._waiting = database[WAITING]

    async def copies(self, keys: Iterable[str], session: Session) -> dict[str, MerchantChanged]:
        """Return the copies of these merchants, by `<marketplace>/<merchant>`, in one read."""
        found = await mongo.by_ids(self._merchants, keys, session, {"body": 1})
        return {it["_id"]: _merchant(it["body"]) for it in found}

    async def stored(self, keys: Iterable[str], session: Session) -> dict[str, Copy]:
        """Return the copies of these merchants as they are stored."""
        found = await mongo.by_ids(self._merchants, keys, session)
        return {it["_id"]: Copy(it["version"], bytes(it["body"])) for it in found}

    async def blocked(self, key: str) -> bool:
        """Tell whether this merchant may not be paid."""
        return await self._merchants.find_one({"_id": key, "blocked.0": {"$exists": True}}, {"_id": 1}) is not None

    async def all_wait(self, key: str, session: Session) -> bool:
        """Tell whether news may concern every order that waits: it is the first, or the merchant was blocked."""
        wanted = {"_id": key, "$or": [{"released": 0}, {"was_blocked": True}]}
        return await self._waiting.find_one(wanted, {"_id": 1}, session=session) is not None

    async def waited_for(self, keys: Iterable[str], session: Session) -> set[str]:
        """Return for which of these merchants orders wait."""
        cursor = self._waiting.find({"_id": {"$in": list(keys)}, "count": {"$gt": 0}}, {"_id": 1}, session=session)
        return {it["_id"] for it in await cursor.to_list(None)}

    async def waiting(self) -> AsyncIterator[Waiting]:
        """Go through the merchants that orders wait for."""
        async for it in self._waiting.find({"count": {"$gt": 0}}):
            yield _waiting(it)

    def keep(self, work: Work, event: MerchantChanged, body: bytes, before: int | None) -> None:
        """Replace the copy, which had version `before`, and meet whoever waits for it."""
        fields = {"version": event.version, "body": body, "blocked": list(event.blocked)}
        if before is None:
            work.insert(MERCHANTS, {"_id": event.key, **fields})
        else:
            work.update(MERCHANTS, event.key, {"$set": fields})
        known = {"version": event.version, "announced_at": work.now} | ({"was_blocked": True} if event.blocked else {})
        news = {"$set": known, "$setOnInsert": {"count": 0, "released": 0}}
        work.update(WAITING, event.key, news, upsert=True)

    def wait(self, work: Work, key: str, orders: int) -> None:
        """Count orders that wait for a merchant, a stop or rules, or with a negative number no longer do.

        Who waits for amounts to come to a minimum meets the guard instead.
        """
        if key.partition("/")[2].startswith(MINIMUM):
            return
        places = _places(key)
        key = places[zlib.crc32(work.stripe.encode()) % len(places)]
        work.increment(WAITING, key, {"count": orders}, {"version": 0, "released": 0})

    def meet(self, work: Work, key: str) -> None:
        """Meet whoever is making an order wait for this stop, receiver or rules, or is about to."""
        for place in _places(key):
            work.increment(WAITING, place, {"met": 1}, {"version": 0, "released": 0, "count": 0})

    async def stopped(self, keys: Iterable[str]) -> dict[str, int]:
        """Return how many orders wait for each of these stops."""
        counts = dict.fromkeys(keys, 0)
        buckets = {place: key for key in counts for place in _places(key)}
        for it in await mongo.by_ids(self._waiting, buckets, fields={"count": 1}):
            counts[buckets[it["_id"]]] += it["count"]
        return counts

    def released(self, work: Work, key: str, version: int, *, unblocked: bool) -> None:
        """Note that every order that waited for this version has been looked at; `unblocked`: blocked ones as well."""
        change: Document = {"$max": {"released": version}}
        work.update(WAITING, key, change | ({"$unset": {"was_blocked": ""}} if unblocked else {}))


def _places(key: str) -> list[str]:
    """Return the documents in which orders that wait for a name are counted: stops and rules may hold many."""
    _, _, name = key.partition("/")
    return [f"{key}#{bucket}" for bucket in range(STOP_BUCKETS)] if name.startswith((STOP, RULES)) else [key]


def _merchant(body: bytes) -> MerchantChanged:
    return _kept(body) if len(body) <= COPY_BYTES_MAX else decode(MerchantChanged, body)


@lru_cache(maxsize=COPIES_KEPT)
def _kept(body: bytes) -> MerchantChanged:
    """Return the merchant in a body: the same few thousand sell in every batch."""
    return decode(MerchantChanged, body)


def _waiting(document: dict[str, object]) -> Waiting:
    fields = {"announced_at": None, **document, "key": document["_id"]}
    return msgspec.convert(fields, Waiting)
