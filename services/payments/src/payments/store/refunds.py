"""How refunds are stored, with all their parts. What becomes of a part is decided in the domain."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from payments.domain import schedule
from payments.domain.refunds import course
from payments.domain.refunds.refund import Refund
from payments.store.orders import EPOCH, WAITING
from shared import mongo
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

REFUNDS: Final = "refunds"
INDEXES: Final[dict[str, list[Index]]] = {
    REFUNDS: [
        # Covers the gauges too: they read these four fields and no document.
        Index([("ask_at", UP), ("channel_profile", UP), ("waits", UP), ("created_at", UP)], partial=WAITING),
        # All refunds of an order: what it can still refund, its status, its trace.
        Index([("order", UP)]),
    ],
}


class Known(msgspec.Struct, frozen=True):
    """A refund that is there; `plans` are the hashes of its plans, by revision."""

    refund: Refund
    plans: dict[str, bytes]


class Refunds:
    """Refunds of one database."""

    def __init__(self, database: Database) -> None:
        self._refunds = database[REFUNDS]

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, Known]:
        """Return the refunds that are there."""
        return {it["_id"]: _known(it) for it in await mongo.by_ids(self._refunds, keys, session)}

    async def known_of(self, orders: Iterable[str], session: Session) -> dict[str, Known]:
        """Return the refunds of these orders."""
        found = await self._refunds.find({"order": {"$in": list(orders)}}, session=session).to_list(None)
        return {it["_id"]: _known(it) for it in found}

    async def unchanged(self, refunds: Iterable[Refund], session: Session) -> tuple[list[Refund], list[str]]:
        """Tell which refunds are stored as they are here, and the keys of the others."""
        here = {key_of(refund): refund for refund in refunds}
        fields = {"plan": 1, "revision": 1, "asks": 1, "doubted": 1}
        found = await mongo.by_ids(self._refunds, here, session, fields)
        there = {it["_id"]: (it["plan"], it["revision"], it["asks"], it["doubted"]) for it in found}
        known = {key: (it.plan, it.revision, it.asks, it.doubted) for key, it in here.items()}
        same = [refund for key, refund in here.items() if there.get(key) == known[key]]
        return same, [key for key in here if there.get(key) != known[key]]

    async def sending(self, keys: Iterable[str], session: Session) -> list[Refund]:
        """Return those of these refunds of which something is still to be sent."""
        known = await self.known(keys, session)
        return [it.refund for it in known.values() if it.refund.waits == "sending"]

    def insert(self, work: Work, known: Known) -> None:
        """Record a refund that was not there. The clock has what goes out at once, too: refunds are few."""
        named = {"_id": key_of(known.refund), "order": known.refund.order, "plans": known.plans}
        work.insert(REFUNDS, named | _fields(known.refund, work.now))

    def update(self, work: Work, known: Known) -> None:
        """Record what a plan makes of a refund."""
        fields = _fields(known.refund, work.now) | {"plans": known.plans}
        work.update(REFUNDS, key_of(known.refund), {"$set": fields})

    def answer(self, work: Work, after: Refund) -> None:
        """Record what the institution said of a refund."""
        work.update(REFUNDS, key_of(after), {"$set": _fields(after, work.now)})

    async def due(self, now: datetime, count: int, session: Session) -> list[Refund]:
        """Return refunds that are to be sent or asked for (again) by now, the longest due first."""
        wanted = {"ask_at": {"$gt": EPOCH, "$lte": now}}
        cursor = self._refunds.find(wanted, session=session).sort("ask_at", UP).limit(count)
        return [_refund(it) for it in await cursor.to_list(count)]

    def hand_over(self, work: Work, after: Refund, now: datetime) -> None:
        """Record that a lane has it now; what waited for funds is under way with it."""
        change = _fields(after, now) | {"ask_at": schedule.left_behind_at(now)}
        work.update(REFUNDS, key_of(after), {"$set": change})

    def doubt(self, work: Work, after: Refund, now: datetime) -> None:
        """Record that a refund's institution is to be asked again, at once."""
        work.update(REFUNDS, key_of(after), {"$set": _fields(after, now) | {"ask_at": now}})

    async def make_due(self, profile: str, account: str, now: datetime, numbers: Iterable[str] | None = None) -> int:
        """Let every refund of an account that waits for an answer or for funds be looked at now; return how many.

        `numbers`: those alone that have one of these; they are looked for among what waits, which an index has.
        """
        waiting: Document = {"ask_at": {"$gt": now}, "channel_profile": profile, "state": "waiting"}
        waiting["channel_account"] = account
        if numbers is not None:
            waiting["parts.channel_number"] = {"$in": list(numbers)}
        result = await self._refunds.update_many(waiting, {"$set": {"ask_at": now}})
        return result.modified_count

    async def of_order(self, key: str) -> list[Document]:
        """Return the refunds of an order, the oldest first."""
        found = await self._refunds.find({"order": key}).to_list(None)
        return sorted(found, key=lambda it: (it["created_at"], it["_id"]))

    async def show(self, key: str) -> Document | None:
        """Return one refund as it is stored."""
        found: Document | None = await self._refunds.find_one({"_id": key})
        return found


def key_of(refund: Refund) -> str:
    """Return the refund's `_id`."""
    return f"{refund.marketplace}/{refund.refund_id}"


def _known(document: Document) -> Known:
    return Known(_refund(document), {revision: bytes(it) for revision, it in document["plans"].items()})


def _refund(document: Document) -> Refund:
    return msgspec.convert(document, Refund)


def _fields(refund: Refund, now: datetime) -> Document:
    waits = refund.waits
    fields: Document = msgspec.to_builtins(refund, builtin_types=(datetime,))
    return fields | {
        "state": "final" if waits is None else "sending" if waits == "sending" else "waiting",
        "standing": refund.standing,
        "reason": refund.reason,
        "waits": waits,
        "ask_at": course.ask_at(refund, now),
        "settled_at": now if waits is None else None,
    }
