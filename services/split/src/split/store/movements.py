"""Movements of a channel that belong to no order, as documents: kept so that each is booked once."""

from collections.abc import Iterable
from typing import Final

from shared import mongo
from shared.messages import ChannelMoved
from shared.mongo import Database, Index, Session
from shared.work import Work

MOVEMENTS: Final = "movements"
INDEXES: Final[dict[str, list[Index]]] = {MOVEMENTS: []}


def key_of(event: ChannelMoved) -> str:
    """Return the id of a movement: the channel's own number, of this account and kind."""
    return f"{event.marketplace}/{event.identity}"


def about(event: ChannelMoved) -> str:
    """Return what the ledger says that a movement is about which belongs to no order; no order's id has a `/`."""
    return f"{event.marketplace}/accounts/{event.channel_account}"


class Movements:
    """Reads in the snapshot of a unit of work, and what is to be written at its end."""

    def __init__(self, database: Database) -> None:
        self._movements = database[MOVEMENTS]

    async def known(self, keys: Iterable[str], session: Session) -> dict[str, bytes]:
        """Return the body hashes of those of these movements that are booked."""
        found = await mongo.by_ids(self._movements, keys, session, {"hash": 1})
        return {it["_id"]: bytes(it["hash"]) for it in found}

    def keep(self, work: Work, key: str, event: ChannelMoved, digest: bytes) -> None:
        """Note that a movement is booked."""
        fields = {"marketplace": event.marketplace, "kind": event.kind, "amount_minor": event.amount_minor}
        work.insert(MOVEMENTS, {"_id": key, "hash": digest, "at": work.now, **fields})
