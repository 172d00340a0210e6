"""The small world in real stores, open to be harmed."""

from collections.abc import Awaitable, Callable
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database
from tests.ops.audit import world
from tests.ops.audit.world import MP, Bank, Booked

from ops.audit.run import Report

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
