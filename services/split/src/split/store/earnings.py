"""What a receiver earned, newest first: orders by the ledger, and those whose money for it is still in another's pot.

Nothing is written for it beside the ledger, but for orders that are held and name extra receivers (`expecting`): an
index of every order's receivers would cost each order what its ledger costs (docs/decisions/0020).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from shared import mongo
from shared.messages import SplitRequested, decode
from shared.mongo import DOWN, Database, Document
from split.domain.charges import Charge
from split.domain.ledger import Kind
from split.domain.orders import Order
from split.store import blocks
from split.store.blocks import BLOCKS
from split.store.charges import CHARGES
from split.store.orders import EXPECTING, ORDERS

FIRST: Final[tuple[Kind, ...]] = ("split", "reward", "adjustment")
"""How an order, or a charge, is booked for the first time, and only then."""
POCKETS: Final = ("in_transit", "held", "debt")
"""Where a receiver's money can be from the first moment on: on its way, held, or spent on what it owes."""


class Mark(msgspec.Struct, frozen=True, order=True):
    """Where something stands among a receiver's earnings: when it was split, in which of both lists, under which id."""

    at: datetime
    listed: bool
    """Whether the ledger lists it; `expecting` orders come after those of the same moment."""
    id: str


class Found(msgspec.Struct, frozen=True):
    """An order or charge by its key, and its place."""

    mark: Mark
    key: str


class Earned(msgspec.Struct, frozen=True):
    """An order or charge with its place. The request is there where something of the order is held."""

    mark: Mark
    order: Order
    request: SplitRequested | None


class Earnings:
    """Reads of one receiver in one marketplace and currency at a time."""

    def __init__(self, database: Database) -> None:
        self._blocks = database[BLOCKS]
        self._orders = database[ORDERS]
        self._charges = database[CHARGES]

    async def page(
        self, marketplace: str, receiver: str, currency: str, before: Mark | None, limit: int
    ) -> list[Earned]:
        """Return up to `limit` orders and charges from before a place, the newest first."""
        place = marketplace, receiver, currency
        found = [*await self._listed(*place, before, limit), *await self._expecting(*place, before, limit)]
        found.sort(key=lambda it: it.mark, reverse=True)
        return await self._whole(found[:limit])

    async def _listed(
        self, marketplace: str, receiver: str, currency: str, before: Mark | None, limit: int
    ) -> list[Found]:
        stages = first_bookings(marketplace, receiver, currency, before, limit)
        rows = await self._blocks.aggregate(stages, batchSize=limit + 1, hint=dict(blocks.BY_ACCOUNT)).to_list(None)
        return [
            Found(Mark(it["at"], listed=True, id=blocks.transaction_id(it["_id"], it["place"])), it["order"])
            for it in rows
        ]

    async def _expecting(
        self, marketplace: str, receiver: str, currency: str, before: Mark | None, limit: int
    ) -> list[Found]:
        query: Document = {"marketplace": marketplace, "currency": currency, EXPECTING: receiver}
        if before is not None:
            query["split_at"] = {"$lte": before.at}
        if before is not None and not before.listed:
            query["$or"] = [{"split_at": {"$lt": before.at}}, {"_id": {"$lt": before.id}}]
        cursor = self._orders.find(query, {"split_at": 1}).sort([("split_at", DOWN), ("_id", DOWN)]).limit(limit)
        return [Found(Mark(it["split_at"], listed=False, id=it["_id"]), it["_id"]) for it in await cursor.to_list(None)]

    async def _whole(self, found: Sequence[Found]) -> list[Earned]:
        """Read what was found; requests, the larger part, only of orders of which something is held."""
        keys = [it.key for it in found]
        orders = {it["_id"]: msgspec.convert(it, Order) for it in await self._read(keys)}
        orders |= {it["_id"]: msgspec.convert(it, Charge) for it in await mongo.by_ids(self._charges, keys)}
        held = [key for key, it in orders.items() if any(share.state == "held" for share in it.shares)]
        bodies = await mongo.by_ids(self._orders, held, fields={"body": 1})
        requests = {it["_id"]: decode(SplitRequested, it["body"]) for it in bodies}
        return [Earned(it.mark, orders[it.key], requests.get(it.key)) for it in found if it.key in orders]

    async def _read(self, keys: Iterable[str]) -> list[Document]:
        return await mongo.by_ids(self._orders, keys, fields={"body": 0, "hash": 0, "early": 0})


def first_bookings(marketplace: str, receiver: str, currency: str, before: Mark | None, limit: int) -> list[Document]:
    """Return the steps from blocks to the transactions that first gave a receiver something, the newest first."""
    accounts = [f"merchant:{pocket}/{receiver}" for pocket in POCKETS]
    wanted: Document = {"marketplace": marketplace, "currency": currency, "accounts": {"$in": accounts}}
    there = [{"$ne": [{"$type": blocks.amount_in("$transactions.entries", it)}, "missing"]} for it in accounts]
    first: Document = {"transactions.kind": {"$in": list(FIRST)}, "$expr": {"$or": there}}
    if before is not None and before.listed:
        block, place = blocks.place_of(before.id)
        wanted["_id"] = {"$lte": block}
        first["$or"] = [{"_id": {"$lt": block}}, {"place": {"$lt": place}}]
    elif before is not None:
        wanted |= blocks.made_within(None, before.at)
    return [
        {"$match": wanted},
        {"$sort": {"_id": DOWN}},
        # The last of a block first; sorting what is unwound would read all of the receiver's past.
        {"$set": {"count": {"$size": "$transactions"}, "transactions": {"$reverseArray": "$transactions"}}},
        {"$unwind": {"path": "$transactions", "includeArrayIndex": "back"}},
        {"$set": {"place": {"$subtract": ["$count", {"$add": ["$back", 1]}]}}},
        {"$match": first},
        {"$limit": limit},
        {"$project": {"at": 1, "place": 1, "order": "$transactions.order"}},
    ]
