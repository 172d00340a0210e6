"""How payouts are stored, with the legs that each holds. What becomes of a leg is decided in the domain."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from payments.domain import outcomes, schedule
from payments.domain.lifecycles import HELD
from payments.domain.payouts import Payout
from payments.store.orders import EPOCH, WAITING
from shared import changes, mongo
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

INDEXES: Final[dict[str, list[Index]]] = {
    "payouts": [
        # Covers the gauges too: they read these four fields and no document.
        Index([("ask_at", UP), ("channel_profile", UP), ("waits", UP), ("created_at", UP)], partial=WAITING),
        # A leg is in at most one open or paid state at a time, whatever a handler decides. Only payouts that are not
        # alone have the field: the first of a document gets it with the second.
        Index([("open_legs", UP)], unique=True, partial={"open_legs": {"$gt": ""}}),
    ],
}


class Known(msgspec.Struct, frozen=True):
    """A payout that is there. `hash` is its request to pay (None: only a cancel came), `cancel_hash` its cancel."""

    payout: Payout
    hash: bytes | None
    cancel_hash: bytes | None = None


class Payouts:
    """Payouts of one database."""

    def __init__(self, database: Database) -> None:
        self._payouts = database.payouts

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, Known]:
        """Return the payouts that are there."""
        return {it["_id"]: _known(it) for it in await mongo.by_ids(self._payouts, keys, session)}

    async def known_of(self, documents: Iterable[str], session: Session) -> dict[str, Known]:
        """Return the payouts of these documents (`<marketplace>/<document>`) that are there."""
        either = [_payouts_of(key) for key in documents]
        found = await self._payouts.find({"$or": either}, session=session).to_list(None)
        return {it["_id"]: _known(it) for it in found}

    async def unchanged(self, payouts: Iterable[Payout], session: Session) -> tuple[list[Payout], list[str]]:
        """Tell which payouts are stored as they are here, and the keys of the others."""
        here = {key_of(payout): payout for payout in payouts}
        fields = {"revision": 1, "asks": 1, "fenced": 1}
        found = await mongo.by_ids(self._payouts, here, session, fields)
        there = {it["_id"]: (it["revision"], it["asks"], it["fenced"]) for it in found}
        known = {key: (payout.revision, payout.asks, payout.fenced) for key, payout in here.items()}
        same = [payout for key, payout in here.items() if there.get(key) == known[key]]
        return same, [key for key in here if there.get(key) != known[key]]

    async def sending(self, keys: Iterable[str], session: Session) -> list[Payout]:
        """Return those of these payouts that are still to be sent."""
        known = await self.known(keys, session)
        return [it.payout for it in known.values() if it.payout.waits == "sending"]

    def insert(self, work: Work, known: Known) -> None:
        """Record a payout that was not there; one that goes out at once belongs to a hand-over."""
        payout = known.payout
        of_order = f"{payout.marketplace}/{payout.document[2:]}" if payout.document.startswith("o:") else None
        document = msgspec.to_builtins(payout, builtin_types=(datetime,))
        document |= {
            "_id": key_of(payout),
            "order": of_order,
            "hash": known.hash,
            "cancel_hash": known.cancel_hash,
            **_standing(payout, work.now),
            "ask_at": None,
        }
        work.insert("payouts", document)

    def update(self, work: Work, before: Payout, known: Known) -> None:
        """Record what became of a payout, unless somebody else did meanwhile."""
        fields = {"kind": known.payout.kind, "hash": known.hash, "cancel_hash": known.cancel_hash}
        fields |= _changed(before, known.payout, work.now)
        work.update("payouts", key_of(before), {"$set": fields})

    def answer(self, work: Work, before: Payout, after: Payout) -> None:
        """Record what the institution said of a payout, unless somebody else did meanwhile."""
        work.update("payouts", key_of(before), {"$set": _changed(before, after, work.now)})

    def fence(self, work: Work, payout: Payout) -> None:
        """Put the legs of a payout that is no longer alone into the index that keeps each in one payout."""
        work.update("payouts", key_of(payout), {"$set": _fence(payout)})

    async def due(self, now: datetime, count: int, session: Session) -> list[Payout]:
        """Return payouts that are to be sent or asked for (again) by now, the longest due first."""
        wanted = {"ask_at": {"$gt": EPOCH, "$lte": now}}
        cursor = self._payouts.find(wanted, session=session).sort("ask_at", UP).limit(count)
        return [_payout(it) for it in await cursor.to_list(count)]

    def hand_over(self, work: Work, before: Payout, after: Payout, now: datetime) -> None:
        """Record that a lane has it now; a subsidy that waited for funds is under way with it."""
        fields = _changed(before, after, now) if after != before else {}
        change = {"$set": fields | {"ask_at": schedule.left_behind_at(now)}}
        work.update("payouts", key_of(before), change)

    def doubt(self, work: Work, before: Payout, after: Payout, now: datetime) -> None:
        """Record that a payout's institution is to be asked again, at once."""
        work.update("payouts", key_of(before), {"$set": _changed(before, after, now) | {"ask_at": now}})

    async def make_due(self, profile: str, account: str, now: datetime, numbers: Iterable[str] | None = None) -> int:
        """Let every payout of an account that waits for an answer or for funds be looked at now; return how many.

        `numbers`: those alone that have one of these; they are looked for among what waits, which an index has.
        """
        waiting: Document = {"ask_at": {"$gt": now}, "channel_profile": profile, "state": "waiting"}
        waiting["channel_account"] = account
        if numbers is not None:
            wanted = {"$in": list(numbers)}
            waiting["$or"] = [{"legs.channel_number": wanted}, {"subsidies.channel_number": wanted}]
        result = await self._payouts.update_many(waiting, {"$set": {"ask_at": now}})
        return result.modified_count

    async def of_order(self, key: str) -> list[Document]:
        """Return the payouts of an order, in the order of their numbers."""
        marketplace, order_id = key.split("/", 1)
        found = await self._payouts.find(_payouts_of(f"{marketplace}/o:{order_id}")).to_list(None)
        return sorted(found, key=lambda it: (len(it["_id"]), it["_id"]))

    async def show(self, key: str) -> Document | None:
        """Return one payout as it is stored."""
        found: Document | None = await self._payouts.find_one({"_id": key})
        return found


def key_of(payout: Payout) -> str:
    """Return the payout's `_id`."""
    return f"{payout.marketplace}/{payout.payout_id}"


def _payouts_of(key: str) -> Document:
    """Return the query for the payouts of a document, by `<marketplace>/<document>`.

    Their ids are `<key>.<n>`, which one range of `_id` holds: no index is needed for it. Another document's id may
    begin like that, so the document is compared as well.
    """
    return {"_id": {"$gte": f"{key}.", "$lt": f"{key}/"}, "document": key.split("/", 1)[1]}


def _known(document: Document) -> Known:
    return Known(_payout(document), document["hash"], document["cancel_hash"])


def _payout(document: Document) -> Payout:
    return msgspec.convert(document, Payout)


def _changed(before: Payout, after: Payout, now: datetime) -> Document:
    legs = changes.of_list("legs", before.legs, after.legs)
    subsidies = changes.of_list("subsidies", before.subsidies, after.subsidies)
    fields: Document = {"revision": after.revision, "asks": after.asks}
    if before.doubted or after.doubted:
        fields["doubted"] = bool(after.doubted)
    return {**legs, **subsidies, **fields, **_standing(after, now)}


def _standing(payout: Payout, now: datetime) -> Document:
    waits = payout.waits
    fields = {
        "state": "final" if waits is None else "sending" if waits == "sending" else "waiting",
        "waits": waits,
        "ask_at": outcomes.ask_at(payout, now),
        "settled_at": now if waits is None else None,
    }
    return fields | (_fence(payout) if payout.fenced else {})


def _fence(payout: Payout) -> Document:
    return {"fenced": True, "open_legs": [leg.leg_id for leg in payout.legs if leg.state in HELD]}
