"""How callbacks are stored: raw, once, for a week, with what is still to be done about each."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec

from payments.domain.callbacks import Hint, Type
from payments.store.orders import EPOCH
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

KEPT_S: Final = 7 * 86_400
WAITING: Final = {"due_at": {"$gt": EPOCH}}

INDEXES: Final[dict[str, list[Index]]] = {
    "callbacks": [
        Index([("due_at", UP)], partial=WAITING),
        Index([("received_at", UP)], expires_after_s=KEPT_S),
    ],
    "disagreements": [Index([("marketplace", UP), ("_id", UP)])],
}

Step = Literal["act", "compare"]
"""First what it hints at is asked for; later what it told is held against what the institution says when asked."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that something is still to be done about."""

    key: str
    marketplace: str
    profile: str
    account: str
    type: Type
    subject: str
    told: str
    received_at: datetime
    step: Step
    tries: int = 0


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """A case: what a callback told, and what the institution said when it was asked."""

    hint: Stored
    found: str
    at: datetime


class Callbacks:
    """Callbacks of one database, by `<profile>/<account>/<event id>`."""

    def __init__(self, database: Database) -> None:
        self._callbacks = database.callbacks
        self._disagreements = database.disagreements

    async def is_known(self, key: str, session: Session) -> bool:
        """Tell whether a callback is stored already."""
        return await self._callbacks.find_one({"_id": key}, {"_id": 1}, session=session) is not None

    def keep(self, work: Work, hint: Hint, marketplace: str, body: bytes) -> None:
        """Store a callback, due at once unless it means nothing."""
        named = {"_id": hint.key, "marketplace": marketplace, "profile": hint.profile, "account": hint.account}
        said = {"type": hint.type, "subject": hint.subject, "told": hint.told, "body": body}
        due_at = None if hint.type is None else work.now
        work.insert("callbacks", named | said | {"received_at": work.now, "step": "act", "tries": 0, "due_at": due_at})

    async def due(self, now: datetime, count: int) -> list[Stored]:
        """Return callbacks about which something is to be done by now, the longest due first."""
        found = self._callbacks.find({"due_at": {"$gt": EPOCH, "$lte": now}}, {"body": 0})
        return [_stored(it) for it in await found.sort("due_at", UP).limit(count).to_list(count)]

    async def put_off(self, some: Iterable[Stored], step: Step, until: datetime) -> None:
        """Look at these again then, for that step. What is repeated because this is lost does no harm."""
        await self._set(some, {"$set": {"step": step, "due_at": until}, "$inc": {"tries": 1}})

    async def done(self, some: Iterable[Stored]) -> None:
        """Look at these no more."""
        await self._set(some, {"$set": {"due_at": None}})

    async def disagree(self, it: Disagreement) -> bool:
        """Record a case, once; tell whether it is new."""
        hint = it.hint
        change = {
            "marketplace": hint.marketplace,
            "profile": hint.profile,
            "account": hint.account,
            "type": hint.type,
            "subject": hint.subject,
            "told": hint.told,
            "found": it.found,
            "told_at": hint.received_at,
            "found_at": it.at,
        }
        result = await self._disagreements.update_one({"_id": hint.key}, {"$setOnInsert": change}, upsert=True)
        return result.upserted_id is not None

    async def disagreements(self, marketplace: str, after: str, count: int) -> list[Document]:
        """Return a page of a marketplace's cases, by their keys."""
        query = {"marketplace": marketplace, "_id": {"$gt": after}}
        found: list[Document] = await self._disagreements.find(query).sort("_id", UP).limit(count).to_list(count)
        return found

    async def _set(self, some: Iterable[Stored], change: Document) -> None:
        await self._callbacks.update_many({"_id": {"$in": [it.key for it in some]}}, change)


def _stored(document: Document) -> Stored:
    return msgspec.convert({**document, "key": document["_id"]}, Stored)
