"""How copies of orders are stored: one document each, which both topics about it write, so that they meet there."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from aftersale.domain.orders import Claim, Order, Rejection
from shared import mongo
from shared.mongo import Database, Document, Session
from shared.work import Work

ORDERS: Final = "orders"


class Known(NamedTuple):
    """An order as it is stored. The body of the claim that stands is not read: it never changes."""

    order: Order
    version: int


class Orders:
    """Copies by `<marketplace>/<order_id>`."""

    def __init__(self, database: Database) -> None:
        self._orders = database[ORDERS]

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, Known]:
        """Return those of these orders that are there, in this snapshot."""
        found = await mongo.by_ids(self._orders, keys, session, {"body": 0})
        return {it["_id"]: Known(_order(it), it["version"]) for it in found}

    def record(self, work: Work, key: str, before: Known | None, order: Order) -> None:
        """Record what an order has become. Somebody else's change since it was read makes the unit run again."""
        marketplace, order_id = key.split("/", 1)
        fields: dict[str, Any] = {
            "state": order.state,
            "rejection": _plain_rejection(order.rejection),
            "others": [_plain(it) for it in order.others],
            "version": before.version + 1 if before else 1,
            "changed_at": work.now,
        }
        if order.standing is not None and (before is None or before.order.standing is not order.standing):
            fields |= _plain(order.standing)
        if before is None:
            nothing = {"hash": None, "body": None, "claimed_at": None}
            work.insert(ORDERS, {"_id": key, "marketplace": marketplace, "order_id": order_id} | nothing | fields)
        else:
            work.update(ORDERS, key, {"$set": fields})

    async def show(self, key: str) -> Document | None:
        """Return one order as it is stored, without what is kept beside it."""
        found: Document | None = await self._orders.find_one({"_id": key}, {"others": 0})
        return found


def _order(stored: Document) -> Order:
    rejection = stored["rejection"]
    standing = None
    if stored["hash"] is not None:
        standing = Claim(bytes(stored["hash"]), b"", stored["claimed_at"])
    return Order(
        state=stored["state"],
        standing=standing,
        rejection=Rejection(**rejection) if rejection else None,
        others=tuple(Claim(bytes(it["hash"]), bytes(it["body"]), it["claimed_at"]) for it in stored["others"]),
    )


def _plain(claim: Claim) -> Document:
    return {"hash": claim.hash, "body": claim.body, "claimed_at": claim.claimed_at}


def _plain_rejection(rejection: Rejection | None) -> Document | None:
    if rejection is None:
        return None
    return {
        "claimed_at": rejection.claimed_at,
        "rejected_at": rejection.rejected_at,
        "reason": rejection.reason,
        "detail": rejection.detail,
    }
