"""What was handed to a lane and is not concluded: one document a batch, so that a crash leaves a trace of all of it.

An order that is proved within a second would otherwise enter and leave an index of its own for nothing: twice the cost
of storing it (docs/benchmarks.md). What waits for longer, for a reason, has its own `ask_at`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec
import uuid_utils

from payments.domain import schedule
from shared import mongo
from shared.mongo import UP, Database, Index, Session
from shared.work import Work

HANDOVERS: Final = "handovers"
INDEXES: Final[dict[str, list[Index]]] = {HANDOVERS: [Index([("operation", UP), ("due_at", UP)])]}

Operation = Literal["prove", "pay", "refund"]


class HandOver(msgspec.Struct, frozen=True):
    """What a lane has had since then of one account (`keys`), and of one receiver where it has one."""

    id: str
    profile: str
    account: str
    keys: tuple[str, ...]
    receiver: str = ""


class Oldest(msgspec.Struct, frozen=True):
    """Since when the oldest of one profile's is under way."""

    profile: str
    operation: Operation
    since: datetime


class HandOvers:
    """Hand-overs of all operations."""

    def __init__(self, database: Database) -> None:
        self._handovers = database[HANDOVERS]

    def open(self, work: Work, operation: Operation, place: tuple[str, str, str], keys: Sequence[str]) -> str:
        """Record that a lane gets these once the unit is committed; return the id.

        `place`: profile, account, and the receiver whose own lane it is, or an empty string.
        """
        identity = str(uuid_utils.uuid7())
        profile, account, receiver = place
        named = {"_id": identity, "operation": operation, "profile": profile, "account": account}
        named |= {"receiver": receiver} if receiver else {}
        times = {"since": work.now, "due_at": schedule.left_behind_at(work.now)}
        work.insert(HANDOVERS, named | times | {"keys": list(keys)})
        return identity

    def again(self, work: Work, identity: str, keys: Sequence[str], now: datetime) -> None:
        """Record that a lane gets again what is left of a hand-over."""
        change = {"keys": list(keys), "due_at": schedule.left_behind_at(now)}
        work.update(HANDOVERS, identity, {"$set": change})

    def end(self, work: Work, identity: str) -> None:
        """Forget one of which nothing is left."""
        work.delete(HANDOVERS, identity)

    async def close(self, identities: Iterable[str]) -> None:
        """Forget those that a lane has concluded. The sweep finds what a crash brings back, and nothing left of it."""
        await self._handovers.with_options(write_concern=mongo.FORGETTABLE).delete_many(
            {"_id": {"$in": list(identities)}}
        )

    async def due(self, operation: Operation, now: datetime, count: int, session: Session) -> list[HandOver]:
        """Return those that no lane has concluded in time, the longest due first."""
        query = {"operation": operation, "due_at": {"$lte": now}}
        cursor = self._handovers.find(query, session=session).sort("due_at", UP).limit(count)
        return [_handover(it) for it in await cursor.to_list(count)]

    async def find(self, identities: Iterable[str], session: Session) -> list[HandOver]:
        """Return those of these that are there."""
        return [_handover(it) for it in await mongo.by_ids(self._handovers, identities, session)]

    async def oldest(self) -> list[Oldest]:
        """Return since when the oldest of each profile and operation is under way."""
        kind = {"profile": "$profile", "operation": "$operation"}
        found = self._handovers.aggregate([{"$group": {"_id": kind, "since": {"$min": "$since"}}}])
        return [Oldest(**it["_id"], since=it["since"]) for it in await found.to_list(None)]


def _handover(document: dict[str, object]) -> HandOver:
    return msgspec.convert({**document, "id": document["_id"]}, HandOver)
