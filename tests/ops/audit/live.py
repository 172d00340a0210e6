"""The small world in real stores, open to be harmed."""

from collections.abc import Awaitable, Callable
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from tests.ops.audit import world
from tests.ops.audit.world import MP, Bank, Booked

from ops.audit.run import Report
from split.domain.ledger import GENESIS, link_hash

Audited = Callable[..., Awaitable[Report]]


class Live:
    """The world in real stores, open to be harmed."""

    def __init__(self, client: MongoClient[dict[str, Any]], prefix: str, bank: Bank) -> None:
        self.client = client
        self.prefix = prefix
        self.bank = bank
        self.sent: tuple[str, ...] = (f"{MP}/a", f"{MP}/b")

    def __getitem__(self, service: str) -> Database[dict[str, Any]]:
        """Return the database of a service."""
        return self.client[f"{self.prefix}{service}"]


Plant = Callable[[Live], None]


def rebook(live: Live, *transactions: Booked) -> None:
    for collection, them in world.ledger(transactions).items():
        live["split"][collection].delete_many({})
        live["split"][collection].insert_many(them)


def relink(live: Live, block_id: str, content: bytes) -> None:
    """Make every link, and the head, anew over another hash of a block."""
    previous = GENESIS
    for link in live["split"].links.find({}).sort("seq", 1).to_list():
        blocks = [it | {"hash": content} if it["id"] == block_id else it for it in link["blocks"]]
        known = link_hash(previous, link["seq"], [(it["id"], it["hash"]) for it in blocks])
        changed = {"blocks": blocks, "previous": previous, "hash": known}
        live["split"].links.update_one({"_id": link["_id"]}, {"$set": changed})
        previous = known
    live["split"].heads.update_one({}, {"$set": {"hash": previous}})
