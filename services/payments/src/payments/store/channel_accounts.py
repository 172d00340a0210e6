"""The accounts that institutions are asked about: how far their movements are known, and when to ask again."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from payments.store.orders import EPOCH
from shared import mongo
from shared.mongo import UP, Database, Index, Session
from shared.work import Work

INDEXES: Final[dict[str, list[Index]]] = {"accounts": [Index([("due_at", UP)])]}


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `count` movements of it are known, all before `cursor`; `hinted_at`: when more was hinted at."""

    key: str
    profile: str
    account: str
    cursor: str = ""
    count: int = 0
    failures: int = 0
    due_at: datetime
    hinted_at: datetime


class ChannelAccounts:
    """Accounts of one database, by `<profile>/<account>`."""

    def __init__(self, database: Database) -> None:
        self._accounts = database.accounts

    async def ask_now(self, profile: str, account: str, now: datetime) -> None:
        """Have an account asked about at once, and from now on."""
        change = {
            "$setOnInsert": {"profile": profile, "account": account, "cursor": "", "count": 0, "failures": 0},
            "$min": {"due_at": now},
            "$max": {"hinted_at": now},
        }
        await self._accounts.update_one({"_id": f"{profile}/{account}"}, change, upsert=True)

    async def due(self, now: datetime, count: int) -> list[Known]:
        """Return accounts that are to be asked about by now, the longest due first."""
        found = self._accounts.find({"due_at": {"$gt": EPOCH, "$lte": now}}).sort("due_at", UP).limit(count)
        return [_known(it) for it in await found.to_list(count)]

    async def known(self, key: str, session: Session) -> Known | None:
        """Return an account as it is now."""
        found = await mongo.by_ids(self._accounts, [key], session)
        return _known(found[0]) if found else None

    def advance(self, work: Work, it: Known, cursor: str, count: int, due_at: datetime) -> None:
        """Record how far the movements of an account are known, unless somebody else did meanwhile."""
        work.update("accounts", it.key, {"$set": {"cursor": cursor, "count": count, "failures": 0, "due_at": due_at}})

    async def put_off(self, some: Iterable[Known], until: datetime) -> None:
        """Ask about these again then, since they gave no answer."""
        change = {"$set": {"due_at": until}, "$inc": {"failures": 1}}
        await self._accounts.update_many({"_id": {"$in": [it.key for it in some]}}, change)


def _known(document: mongo.Document) -> Known:
    return msgspec.convert({**document, "key": document["_id"]}, Known)
