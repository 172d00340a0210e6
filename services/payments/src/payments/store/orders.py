"""How claimed orders are stored, and which order has which payment. What is true of them is decided in the domain."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from payments.domain import schedule
from payments.domain.lifecycles import OrderEvent, order_after
from payments.domain.proof import Proved, promised_minor
from payments.domain.reasons import Rejected
from payments.domain.refunds.refusals import RefundedOrder
from shared import mongo
from shared.messages import OrderPaid, decode
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
WAITING: Final = {"ask_at": {"$gt": EPOCH}}
"""Documents that the clock must look at again. A null is not in the index, so finished ones cost nothing."""

INDEXES: Final[dict[str, list[Index]]] = {
    "orders": [
        # Covers the gauges too: they read these four fields and no document.
        Index(
            [("ask_at", UP), ("channel_profile", UP), ("state", UP), ("received_at", UP)],
            partial=WAITING,
        ),
    ],
    "claims": [],
    "ingress": [],
}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """An order-paid as it came: the claim, its exact body and hash, and where it is from."""

    order: OrderPaid
    body: bytes
    hash: bytes
    source: str
    origin_time: datetime

    @property
    def key(self) -> str:
        """The order's `_id`."""
        return self.order.key


class Known(msgspec.Struct, frozen=True):
    """What a repeat or a correction of an order is judged by."""

    hash: bytes
    state: Literal["sending", "unverified", "accepted", "rejected"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An order whose proof is to be asked; `hash` names the body that is being proved."""

    order: OrderPaid
    hash: bytes
    origin_time: datetime
    size: int
    asks: int = 0

    @property
    def key(self) -> str:
        """The order's `_id`."""
        return self.order.key


class Orders:
    """Orders, their claims on payments, and what came in by HTTP."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, Known]:
        """Return hash and state of the orders that are there."""
        found = await self._find(keys, {"hash": 1, "state": 1}, session)
        return {it["_id"]: Known(bytes(it["hash"]), it["state"]) for it in found}

    async def payable(self, keys: Iterable[str], session: Session, *, payments: bool = False) -> dict[str, Document]:
        """Return of each order what a payout of it is judged by. `several`: it has, or may have, other payouts.

        `payments`: with the ids of its payments.
        """
        fields = {"state": 1, "net_minor": 1, "moved_minor": 1, "covered_minor": 1, "several": 1, "currency": 1}
        fields |= {"channel_profile": 1, "channel_account": 1}
        fields |= {"payment_ids": 1} if payments else {}
        return {it["_id"]: it for it in await self._find(keys, fields, session)}

    async def refunded(self, keys: Iterable[str], session: Session) -> dict[str, RefundedOrder]:
        """Return of each order what a refund of it is judged by."""
        fields = {"state": 1, "body": 1, "channel_profile": 1, "channel_account": 1, "currency": 1}
        return {it["_id"]: _refunded(it) for it in await self._find(keys, fields, session)}

    async def show(self, key: str) -> Document | None:
        """Return one order without its body."""
        found: Document | None = await self._database.orders.find_one({"_id": key}, {"body": 0})
        return found

    def record_sending(self, work: Work, taken: Taken, before: Known | None) -> None:
        """Record an order whose proof is asked next, in the hand-over that it belongs to."""
        self._record(work, taken, before, "taken", {})

    def record_rejected(self, work: Work, taken: Taken, before: Known | None, no: Rejected) -> None:
        """Record a refused order; a corrected body may replace it."""
        fields = {"reason": no.reason, "detail": no.detail}
        self._record(work, taken, before, "refused", fields)

    def record_accepted(self, work: Work, taken: Taken, before: Known | None, proved: Proved) -> None:
        """Record an order that needs no asking, since every payment of it is 0."""
        self._record(work, taken, before, "proved", {"proved_at": work.now, "net_minor": proved.net_minor})

    def accept(self, work: Work, asked: Asked, proved: Proved) -> None:
        """Record the proof; `net_minor` is what the pool has got for this order."""
        self._conclude(work, asked, "proved", {"proved_at": work.now, "net_minor": proved.net_minor})

    def reject(self, work: Work, asked: Asked, no: Rejected) -> None:
        """Record that the institution's record contradicts the claim."""
        self._conclude(work, asked, "refused", {"reason": no.reason, "detail": no.detail})

    def hold(self, work: Work, asked: Asked, detail: str) -> None:
        """Record that a payment is not known at the institution yet, and when to ask again."""
        fields = {"detail": detail, "ask_at": schedule.ask_at(asked.asks + 1, work.now)}
        self._conclude(work, asked, "not_found", fields)

    def note_several(self, work: Work, key: str) -> None:
        """Note that an order has another payout than its first: from now on each is judged beside the others."""
        work.update("orders", key, {"$set": {"several": True}})

    def moved(self, work: Work, key: str, amount_minor: int, *, covered_minor: int = 0) -> None:
        """Add what came into the pool for an order, or left it (below zero), by anything but payment and payouts.

        In the transaction that records it: a payout request that is taken meanwhile is judged again. `covered_minor`
        is the part of it that limits no payout, because split has put something else in its place: what buyers got
        back (out of what other orders had left, too), what an institution took by itself, and what came in for that.
        """
        added = {"moved_minor": amount_minor, "covered_minor": covered_minor}
        if change := {name: it for name, it in added.items() if it}:
            work.update("orders", key, {"$inc": change})

    async def claimed(self, claims: Iterable[str], session: Session | None = None) -> dict[str, str]:
        """Return which order has each of these payments, of those that an order has."""
        return {it["_id"]: it["order"] for it in await mongo.by_ids(self._database.claims, claims, session)}

    def claim(self, work: Work, claim: str, key: str) -> None:
        """Give a payment to an order, for ever. Another order doing the same makes one of the two run again."""
        work.insert("claims", {"_id": claim, "order": key})

    async def due(self, now: datetime, count: int, session: Session) -> list[Asked]:
        """Return orders whose proof is to be asked (again) by now, the longest due first."""
        wanted = {"ask_at": {"$gt": EPOCH, "$lte": now}}
        fields = {"body": 1, "hash": 1, "origin_time": 1, "asks": 1}
        cursor = self._database.orders.find(wanted, fields, session=session).sort("ask_at", UP).limit(count)
        return [_asked(it) for it in await cursor.to_list(count)]

    async def sending(self, keys: Iterable[str], session: Session) -> list[Asked]:
        """Return those of these orders whose first proof is still to be asked."""
        fields = {"state": 1, "body": 1, "hash": 1, "origin_time": 1, "asks": 1}
        return [_asked(it) for it in await self._find(keys, fields, session) if it["state"] == "sending"]

    def hand_over(self, work: Work, asked: Asked, now: datetime) -> None:
        """Record that a lane has it now."""
        work.update("orders", asked.key, {"$set": {"ask_at": schedule.left_behind_at(now)}})

    async def make_due(
        self, profile: str, account: str, now: datetime, payment_ids: Iterable[str] | None = None
    ) -> int:
        """Let unverified orders of an account (with one of these payments) be asked for at once; return how many."""
        waiting: Document = {"ask_at": {"$gt": now}, "channel_profile": profile, "state": "unverified"}
        waiting["channel_account"] = account
        if payment_ids is not None:
            waiting["payment_ids"] = {"$in": list(payment_ids)}
        result = await self._database.orders.update_many(waiting, {"$set": {"ask_at": now}})
        return result.modified_count

    async def came_in(self, key: str, session: Session) -> bytes | None:
        """Return the hash of what came in by HTTP under this key."""
        found = await self._database.ingress.find_one({"_id": key}, session=session)
        return bytes(found["hash"]) if found else None

    async def received_at(self, key: str) -> datetime | None:
        """Return when an order came in by HTTP."""
        found = await self._database.ingress.find_one({"_id": key})
        return found["received_at"] if found else None

    def let_in(self, work: Work, key: str, digest: bytes, before: bytes | None) -> None:
        """Record that a body came in by HTTP; `before` is the hash of the rejected one that it corrects."""
        fields = {"hash": digest, "received_at": work.now}
        if before is None:
            work.insert("ingress", {"_id": key, **fields})
        else:
            work.update("ingress", key, {"$set": fields})

    async def _find(self, keys: Iterable[str], fields: Document, session: Session) -> list[Document]:
        return await mongo.by_ids(self._database.orders, keys, session, fields)

    def _record(self, work: Work, taken: Taken, before: Known | None, event: OrderEvent, fields: Document) -> None:
        state = order_after(before.state if before else "new", event)
        document = _document(taken, work.now) | {"state": state} | fields
        if before is None:
            work.insert("orders", {"_id": taken.key, **document})
        else:
            work.update("orders", taken.key, {"$set": document})

    def _conclude(self, work: Work, asked: Asked, event: OrderEvent, fields: Document) -> None:
        change = {"state": order_after("sending", event), "ask_at": None, "asks": asked.asks + 1} | fields
        work.update("orders", asked.key, {"$set": change})


def _refunded(document: Document) -> RefundedOrder:
    order = decode(OrderPaid, document["body"])
    return RefundedOrder(
        accepted=document["state"] == "accepted",
        channel_profile=document["channel_profile"],
        channel_account=document["channel_account"],
        currency=document["currency"],
        paid_at=order.paid_at,
        payments={it.channel_payment_id: it.amount_minor for it in order.payments},
    )


def _asked(document: Document) -> Asked:
    return Asked(
        order=decode(OrderPaid, document["body"]),
        hash=bytes(document["hash"]),
        origin_time=document["origin_time"],
        size=len(document["body"]),
        asks=document["asks"],
    )


def _document(taken: Taken, now: datetime) -> Document:
    order, first = taken.order, taken.order.payments[0]
    paid_minor = sum(payment.amount_minor for payment in order.payments)
    return {
        "marketplace": order.marketplace,
        "order_id": order.order_id,
        "hash": taken.hash,
        "body": taken.body,
        "reason": None,
        "detail": "",
        "currency": order.currency,
        "channel_profile": first.channel_profile,
        "channel_account": first.channel_account,
        "payment_ids": [payment.channel_payment_id for payment in order.payments],
        "paid_minor": paid_minor,
        "net_minor": None,
        "promised_minor": promised_minor(order),
        "asks": 0,
        "ask_at": None,
        "origin_time": taken.origin_time,
        "source": taken.source,
        "received_at": now,
        "proved_at": None,
    }
