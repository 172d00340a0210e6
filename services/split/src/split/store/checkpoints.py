"""Checkpoints: what every account of a marketplace held at some past moment, kept so that no reader adds up for long.

A checkpoint is made of what an account holds now less what was booked since its moment, so it costs the same for any
ledger (decision 0021). It counts once its mark is there, which is written last.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from shared.mongo import DOWN, UP, Database, Index, Session
from shared.work import Work
from split.store import balances, blocks
from split.store.balances import AMOUNTS, BALANCES
from split.store.blocks import BLOCKS, EPOCH, MILLISECOND

CHECKPOINTS: Final = "checkpoints"
CHECKPOINT_BALANCES: Final = "checkpoint_balances"
INDEXES: Final[dict[str, list[Index]]] = {CHECKPOINTS: [], CHECKPOINT_BALANCES: []}
"""Both are found by `_id` alone: marketplace, currency, moment, and of balances the group."""

BLOCKS_BETWEEN: Final = 2_000
"""After so many blocks (up to 100,000 transactions) a marketplace's currency gets its next checkpoint: adding up one
account's entries over them takes MongoDB some tenths of a second at most."""
AGE_MAX: Final = timedelta(days=1)
"""After so long it gets one for a single block."""

STRIPES_PER_FETCH: Final = 16
"""Documents of balances in memory at once; of 100,000 accounts each has 40 kB."""

_MOMENT_DIGITS: Final = 13


class Checkpoints:
    """Reads of checkpoints, and what is read and written to make one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def before(self, marketplace: str, currency: str, moment: datetime) -> datetime | None:
        """Return the moment of the last checkpoint that is not after a moment."""
        start = f"{marketplace}|{currency}|"
        wanted = {"$gte": start, "$lte": start + _digits(moment)}
        found = await self._database[CHECKPOINTS].find_one({"_id": wanted}, {"_id": 1}, sort=[("_id", DOWN)])
        return EPOCH + int(found["_id"].rsplit("|", 1)[1]) * MILLISECOND if found else None

    async def balance(self, marketplace: str, currency: str, account: str, mark: datetime) -> int:
        """Return what an account held at a checkpoint."""
        identity = f"{balances_id(marketplace, currency, mark)}{balances.group_of(account)}"
        found = await self._database[CHECKPOINT_BALANCES].find_one({"_id": identity}, balances.only(account))
        return sum(int(amount) for *_, amount in balances.kept_in(found)) if found else 0

    async def books(self, marketplace: str | None = None) -> AsyncIterator[tuple[str, str]]:
        """Go through the marketplaces, or one, and the currencies in which something is booked: a look-up each."""
        wanted = {"$gt": ""} if marketplace is None else balances.ids_of(marketplace)
        while found := await self._database[BALANCES].find_one({"_id": wanted}, {"_id": 1}, sort=[("_id", UP)]):
            tenant, currency, _ = found["_id"].split("|", 2)
            yield tenant, currency
            wanted = {**wanted, "$gte": balances.ids_of(tenant, currency)["$lt"]}

    async def wanted(self, marketplace: str, currency: str, moment: datetime) -> bool:
        """Tell whether so much was booked, or so long ago, that a checkpoint of this moment is worth its cost."""
        last = await self.before(marketplace, currency, moment)
        query = {"marketplace": marketplace, "currency": currency, **blocks.made_within(last, moment)}
        booked = await self._database[BLOCKS].count_documents(query, limit=BLOCKS_BETWEEN, hint=blocks.BY_TIME)
        old = last is None or moment - last >= AGE_MAX
        return booked == BLOCKS_BETWEEN or (booked > 0 and old)

    async def groups(
        self, marketplace: str, currency: str, moment: datetime, session: Session
    ) -> AsyncIterator[tuple[str, dict[str, int]]]:
        """Give what the accounts of one group after another held at a moment, in a snapshot; none that held nothing.

        The moment must be so long ago that nothing is booked at it any more.
        """
        later = await self._moved_since(marketplace, currency, moment, session)
        group, held = "", dict[str, int]()
        query = {"_id": balances.ids_of(marketplace, currency)}
        stripes = self._database[BALANCES].find(query, session=session, batch_size=STRIPES_PER_FETCH).sort("_id", UP)
        async for it in stripes:
            before, group = group, it["_id"].split("|", 3)[2]
            if group != before and before:
                yield before, _less(held, later)
                held = {}
            for *_, account, amount in balances.kept_in(it):
                held[account] = held.get(account, 0) + amount
        if group:
            yield group, _less(held, later)

    async def _moved_since(
        self, marketplace: str, currency: str, moment: datetime, session: Session
    ) -> Mapping[str, int]:
        query = {"marketplace": marketplace, "currency": currency, **blocks.made_within(moment, None)}
        stages = [{"$match": query}, *blocks.SUMS]
        found = self._database[BLOCKS].aggregate(stages, session=session, hint=dict(blocks.BY_TIME))
        return {it["_id"]: int(it["amount"]) async for it in found}

    def keep(self, work: Work, identity: str, held: Mapping[str, int]) -> None:
        """Write the accounts of one group; what was written for this moment before said the same."""
        amounts = {balances.field_of(account): amount for account, amount in held.items()}
        work.update(CHECKPOINT_BALANCES, identity, {"$set": {AMOUNTS: amounts}}, upsert=True)

    def mark(self, work: Work, marketplace: str, currency: str, moment: datetime) -> None:
        """Write that all groups of a checkpoint are there."""
        identity = f"{marketplace}|{currency}|{_digits(moment)}"
        work.update(CHECKPOINTS, identity, {"$set": {"made_at": work.now}}, upsert=True)


def balances_id(marketplace: str, currency: str, mark: datetime) -> str:
    """Return what the ids of a checkpoint's balances begin with; the group follows."""
    return f"{marketplace}|{currency}|{_digits(mark)}|"


def _digits(moment: datetime) -> str:
    return f"{max(0, (moment - EPOCH) // MILLISECOND):0{_MOMENT_DIGITS}}"


def _less(held: Mapping[str, int], later: Mapping[str, int]) -> dict[str, int]:
    before = {account: amount - later.get(account, 0) for account, amount in held.items()}
    return {account: amount for account, amount in before.items() if amount}
