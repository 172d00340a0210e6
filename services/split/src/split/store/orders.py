"""Orders as documents. A stub is an order of which only later events have come; they wait in it."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET

from shared import changes, mongo
from shared.messages import OrderLine, SplitRequested, decode
from shared.mongo import UP, Database, Document, Index, Session
from shared.work import Work
from split.domain.holds import NO_FACTS, Facts
from split.domain.orders import Order
from split.domain.prospects import expecting
from split.store import refunds

ORDERS: Final = "orders"
STUB: Final = "stub"
SPLIT: Final = "split"
STANDING: Final = {"standing": True}
EXPECTING: Final = "expecting"
"""Receivers who had no share of an order when it was split; never changed, so that pages of earnings fit each other."""
INDEXES: Final[dict[str, list[Index]]] = {
    # Only orders that wait for a merchant are in it; for `waiting`.
    ORDERS: [
        Index(
            [("marketplace", UP), ("waiting_for", UP), ("paid_at", UP), ("_id", UP)],
            partial={"waiting_for": {"$exists": True}},
        ),
        # Only orders that wait for a time are in it; for `due`.
        Index([("look_at", UP)], partial={"look_at": {"$exists": True}}),
        # Only orders that name receivers who had no share of them at first are in it; for receivers' earnings.
        Index(
            [("marketplace", UP), ("currency", UP), (EXPECTING, UP), ("split_at", UP), ("_id", UP)],
            partial={EXPECTING: {"$exists": True}},
        ),
        # Only orders of which a leg waits for an operator are in it; for `for_operators`.
        Index([("marketplace", UP), ("operator_at", UP), ("_id", UP)], partial={"operator_at": {"$exists": True}}),
        # Only orders with money that stands still are in it; for the gauge.
        Index([("origin_time", UP)], partial=STANDING),
    ],
}

type Interval = tuple[datetime, datetime | None]
type Place = tuple[datetime, str]
"""Where in the orders that wait for a merchant: paid_at, then `_id`."""


class Early(msgspec.Struct, frozen=True, gc=False):
    """A payout-settled that came before its order. `reason`: why the order, once there, could not take it."""

    body: bytes
    event_id: str
    reason: str = ""


class Known(msgspec.Struct, frozen=True, gc=False):
    """What a new split-requested must know of an order that is there."""

    state: str
    hash: bytes | None
    early: tuple[Early, ...]
    facts: Facts = NO_FACTS


class Stored(msgspec.Struct, frozen=True):
    """An order for a reader; `order` is None for a stub, of which only `facts` are known."""

    order_id: str
    order: Order | None
    paid_at: datetime | None
    lines: tuple[OrderLine, ...]
    facts: Facts


class Held(msgspec.Struct, frozen=True):
    """An order with the request it came from, so that what is held of it can be judged again."""

    order: Order
    request: SplitRequested
    origin_time: datetime
    place: Place


class Orders:
    """Reads in the snapshot of a unit of work, and what is to be written at its end."""

    def __init__(self, database: Database) -> None:
        self._orders = database[ORDERS]

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, Known]:
        """Return which of these orders are there."""
        fields = {"state": 1, "hash": 1, "early": 1, "early_facts": 1}
        return {it["_id"]: _known(it) for it in await mongo.by_ids(self._orders, keys, session, fields)}

    async def whole(self, keys: Iterable[str], session: Session) -> dict[str, Held | Facts]:
        """Return these orders with their requests, as far as they are there; of a stub, what happened to its goods."""
        found = await mongo.by_ids(self._orders, keys, session, {"hash": 0, "early": 0})
        return {it["_id"]: _facts(it) if it["state"] == STUB else _held(it) for it in found}

    async def due(self, now: datetime, but: Collection[str], limit: int) -> list[str]:
        """Return keys of orders, `but` these, of which time alone may change something, the longest due first."""
        query = {"look_at": {"$lte": now}, "_id": {"$nin": list(but)}}
        cursor = self._orders.find(query, {"_id": 1}).sort("look_at", UP).limit(limit)
        return [it["_id"] for it in await cursor.to_list(None)]

    async def overdue_since(self, now: datetime) -> datetime | None:
        """Return when the order was due that should have been looked at longest ago."""
        found = await self._orders.find_one(
            {"look_at": {"$lte": now}}, {"_id": 0, "look_at": 1}, sort=[("look_at", UP)]
        )
        return found["look_at"] if found else None

    async def for_operators(self, marketplace: str, after: Place | None, limit: int) -> list[Order]:
        """Return up to `limit` orders after a place of which a leg waits for an operator, the longest waiting first."""
        query: Document = {"marketplace": marketplace, "operator_at": {"$exists": True}}
        if after is not None:
            moment, key = after
            query["operator_at"] = {"$gte": moment}
            query["$or"] = [{"operator_at": {"$gt": moment}}, {"_id": {"$gt": key}}]
        cursor = self._orders.find(query, {"body": 0, "hash": 0, "early": 0})
        found = await cursor.sort([("operator_at", UP), ("_id", UP)]).limit(limit).to_list(None)
        return [msgspec.convert(it, Order) for it in found]

    async def load(self, keys: Iterable[str], session: Session) -> dict[str, Order | None]:
        """Return these orders as far as they are there; None stands for a stub."""
        found = await mongo.by_ids(self._orders, keys, session, {"body": 0, "hash": 0, "early": 0})
        return {it["_id"]: msgspec.convert(it, Order) if it["state"] == SPLIT else None for it in found}

    async def find(self, key: str) -> Stored | None:
        """Return one order for a reader."""
        it = await self._orders.find_one({"_id": key}, {"hash": 0, "early": 0})
        if it is None:
            return None
        if it["state"] == STUB:
            return Stored(it["order_id"], None, None, (), _facts(it))
        held = _held(it)
        return Stored(it["order_id"], held.order, held.request.paid_at, held.request.lines, held.order.known_facts)

    async def standing_since(self) -> datetime | None:
        """Return when the oldest order was paid for that has money held, or available after a failed payout."""
        found = await self._orders.find_one(STANDING, {"_id": 0, "origin_time": 1}, sort=[("origin_time", UP)])
        return found["origin_time"] if found else None

    async def waiting(
        self, marketplace: str, merchant: str, paid: Interval, after: Place | None, limit: int, session: Session
    ) -> list[Held]:
        """Return a page of the orders that wait for a merchant and were paid in an interval, by paid_at and id."""
        start, end = paid
        # MongoDB keeps whole milliseconds, so the ends are taken in; the rule judges by the request, which keeps all.
        paid_at: Document = {"$gte": start}
        if end is not None:
            paid_at["$lte"] = end
        query: Document = {"marketplace": marketplace, "waiting_for": merchant, "paid_at": paid_at}
        if after is not None:
            moment, identity = after
            paid_at["$gte"] = max(moment, paid_at["$gte"])
            query["$or"] = [{"paid_at": {"$gt": moment}}, {"paid_at": moment, "_id": {"$gt": identity}}]
        cursor = self._orders.find(query, session=session).sort([("paid_at", UP), ("_id", UP)]).limit(limit)
        return [_held(it) for it in await cursor.to_list(None)]

    def add(
        self, work: Work, order: Order, request: SplitRequested, body: bytes, digest: bytes, origin: datetime
    ) -> None:
        """Write an order that was split for the first time, over its stub if there is one (see `complete`)."""
        work.insert(ORDERS, {"_id": order.key, **_fields(work, order, request, body, digest, origin)})

    def complete(
        self, work: Work, order: Order, request: SplitRequested, body: bytes, digest: bytes, origin: datetime
    ) -> None:
        """Make a stub the order."""
        fields = _fields(work, order, request, body, digest, origin)
        work.update(ORDERS, order.key, {"$set": fields, "$unset": {"early": "", "early_facts": ""}})

    def refuse_early(self, work: Work, key: str, early: Sequence[Early]) -> None:
        """Keep what came early and its order could not take, for whoever looks after it."""
        work.update(ORDERS, key, {"$set": {"early": [msgspec.structs.asdict(it) for it in early]}})

    def refuse_facts(self, work: Work, key: str, facts: Facts) -> None:
        """Keep what was said of an order before it came and names lines that it has not, for whoever looks after it."""
        work.update(ORDERS, key, {"$set": {"early_facts": msgspec.to_builtins(facts, builtin_types=(datetime,))}})

    def stub(self, work: Work, marketplace: str, order_id: str, early: Early, *, exists: bool) -> None:
        """Make an event wait for its order, in the document that the order will be."""
        key = f"{marketplace}/{order_id}"
        waits = msgspec.structs.asdict(early)
        if exists:
            # A set: what is delivered again before the order comes waits there once.
            work.update(ORDERS, key, {"$addToSet": {"early": waits}})
            return
        fields = {"marketplace": marketplace, "order_id": order_id, "state": STUB, "shares": [], "early": [waits]}
        work.insert(ORDERS, {"_id": key, **fields})

    def note_facts(self, work: Work, marketplace: str, order_id: str, facts: Facts, *, exists: bool) -> None:
        """Keep what happened to the goods of an order that is not there yet, in the document that it will be."""
        key = f"{marketplace}/{order_id}"
        stated = msgspec.to_builtins(facts, builtin_types=(datetime,))
        if exists:
            work.update(ORDERS, key, {"$set": {"early_facts": stated}})
            return
        fields = {"marketplace": marketplace, "order_id": order_id, "state": STUB, "shares": [], "early_facts": stated}
        work.insert(ORDERS, {"_id": key, **fields})

    def change(self, work: Work, before: Order, after: Order) -> None:
        """Write what differs between two states of an order."""
        if change := changes_of(before, after):
            work.update(ORDERS, after.key, change)
            refunds.note(work, before, after)


def changes_of(before: Order, after: Order) -> Document:
    """Return the update that turns one stored state into another; shares that only moved are not written again."""
    fields = changes.of_list("shares", before.shares, after.shares)
    for name in ("subsidies", "subsidy_due_minor", "payouts"):
        if getattr(before, name) != getattr(after, name):
            fields[name] = msgspec.to_builtins(getattr(after, name))
    for number, revision in after.revisions.items():
        if before.revisions.get(number) != revision:
            fields[f"revisions.{number}"] = revision
    change: Document = {}
    if after.stands and not before.stands:
        fields["standing"] = True
    if before.stands and not after.stands:
        change["$unset"] = {"standing": ""}
    for name, old, new in (
        ("waiting_for", list(before.waiting_for) or UNSET, list(after.waiting_for) or UNSET),
        ("facts", before.facts, after.facts),
        ("look_at", before.look_at, after.look_at),
        ("operator_at", before.operator_at, after.operator_at),
        ("freeze", before.freeze, after.freeze),
        ("refunds", before.refunds, after.refunds),
        ("late", before.late, after.late),
    ):
        if new is UNSET and old is not UNSET:
            change.setdefault("$unset", {})[name] = ""
        elif old != new:
            fields[name] = msgspec.to_builtins(new, builtin_types=(datetime,))
    return {**change, "$set": fields} if fields else change


def _fields(
    work: Work, order: Order, request: SplitRequested, body: bytes, digest: bytes, origin: datetime
) -> Document:
    fields: Document = msgspec.to_builtins(order, builtin_types=(datetime,))
    fields |= {
        "state": SPLIT,
        "hash": digest,
        "body": body,
        "paid_at": request.paid_at,
        "origin_time": origin,
        "split_at": work.now,
    }
    if waiting_for := order.waiting_for:
        fields["waiting_for"] = list(waiting_for)
    if order.stands:
        fields["standing"] = True
    if request.receivers and (receivers := expecting(order, request)):
        fields[EXPECTING] = receivers
    return fields


def _known(document: dict[str, Any]) -> Known:
    early = tuple(Early(**early) for early in document.get("early", ()))
    return Known(document["state"], document.get("hash"), early, _facts(document))


def _facts(document: dict[str, Any]) -> Facts:
    return msgspec.convert(document.get("early_facts") or {}, Facts)


def _held(document: dict[str, Any]) -> Held:
    return Held(
        order=msgspec.convert(document, Order),
        request=decode(SplitRequested, document["body"]),
        origin_time=document["origin_time"],
        place=(document["paid_at"], document["_id"]),
    )
