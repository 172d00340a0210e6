"""The past of the ledger as readers see it: what an account held, what was booked, and the sums of all accounts.

All that is asked for here is final (split.domain.periods): it reads the same at any later time. Nothing is written.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

import msgspec

from shared.mongo import Database, Document
from split.domain.ledger import Kind
from split.domain.periods import Period
from split.store import balances, blocks
from split.store.accounts import Posted, entries_of, posted
from split.store.balances import AMOUNTS, BALANCES
from split.store.blocks import BLOCKS
from split.store.checkpoints import CHECKPOINT_BALANCES, Checkpoints, balances_id

BLOCKS_PER_FETCH: Final = 5
"""Blocks of the journal in memory at once, of up to 50 transactions or 500 entries each; larger ones stand alone."""


class GroupSums(msgspec.Struct, frozen=True):
    """The accounts of one kind at a moment: how many hold something, and the sums of what is negative and positive."""

    group: str
    accounts: int
    debit_minor: int
    credit_minor: int


class Booked(msgspec.Struct, frozen=True):
    """One entry of the journal. `order` is `<marketplace>/<order_id>`."""

    transaction_id: str
    at: datetime
    kind: Kind
    order: str
    cause: str
    account: str
    amount_minor: int


class History:
    """Reads of one marketplace and currency at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checkpoints = Checkpoints(database)

    async def balance(self, marketplace: str, account: str, currency: str, moment: datetime) -> int:
        """Return what an account held at a moment: its last checkpoint, and its entries since."""
        mark = await self._checkpoints.before(marketplace, currency, moment)
        held = await self._checkpoints.balance(marketplace, currency, account, mark) if mark else 0
        query = {"marketplace": marketplace, "currency": currency, "accounts": account}
        of_each = {"$map": {"input": "$transactions", "in": blocks.amount_in("$$this.entries", account)}}
        stages: list[Document] = [
            {"$match": query | blocks.made_within(mark, moment)},
            {"$group": {"_id": None, "amount": {"$sum": {"$sum": of_each}}}},
        ]
        found = await self._database[BLOCKS].aggregate(stages, hint=dict(blocks.BY_ACCOUNT)).to_list(None)
        return held + sum(int(it["amount"]) for it in found)

    async def entries(
        self, marketplace: str, account: str, currency: str, period: Period, after: str | None, limit: int
    ) -> list[Posted]:
        """Return up to `limit` entries of an account in a period, after a transaction, the oldest first."""
        within = blocks.made_within(period.since, period.until)["_id"]
        stages = entries_of(marketplace, account, currency, after, limit, within)
        found = self._database[BLOCKS].aggregate(stages, batchSize=limit + 1, hint=dict(blocks.BY_ACCOUNT))
        return [posted(it) for it in await found.to_list(None)]

    async def journal(self, marketplace: str, currency: str, period: Period) -> AsyncIterator[list[Booked]]:
        """Give all that was booked in a period, some blocks at a time, in the order of transactions.

        Each piece is a query of its own: a reader who takes hours holds nothing open in MongoDB.
        """
        wanted = blocks.made_within(period.since, period.until)["_id"]
        fields = {"at": 1, "transactions": 1}
        while True:
            query = {"marketplace": marketplace, "currency": currency, "_id": wanted}
            found = self._database[BLOCKS].find(query, fields, batch_size=BLOCKS_PER_FETCH + 1)
            page = await found.sort("_id", 1).limit(BLOCKS_PER_FETCH).hint(blocks.BY_TIME).to_list(None)
            if page:
                yield [row for block in page for row in _booked(block)]
            if len(page) < BLOCKS_PER_FETCH:
                return
            wanted = {**wanted, "$gt": page[-1]["_id"]}

    async def currencies(self, marketplace: str) -> list[str]:
        """Return the currencies in which something is booked, in the order of their codes."""
        return [currency async for _, currency in self._checkpoints.books(marketplace)]

    async def sums(self, marketplace: str, currency: str, moment: datetime | None) -> list[GroupSums]:
        """Return the sums of all accounts at a moment; None is now."""
        if moment is not None:
            return await self._sums_at(marketplace, currency, moment)
        stages = [{"$match": {"_id": balances.ids_of(marketplace, currency)}}, *_of_kept(), *_GROUPED]
        async with await self._database.client.start_session(snapshot=True) as session:
            found = await self._database[BALANCES].aggregate(stages, session=session).to_list(None)
        return [_group(it) for it in found]

    async def _sums_at(self, marketplace: str, currency: str, moment: datetime) -> list[GroupSums]:
        """Add what was booked since the last checkpoint to what the accounts held then."""
        mark = await self._checkpoints.before(marketplace, currency, moment)
        query = {"marketplace": marketplace, "currency": currency, **blocks.made_within(mark, moment)}
        stages: list[Document] = [{"$match": query}, *blocks.SUMS, {"$set": {"_id": _as_field("$_id")}}]
        if mark is not None:
            start = balances_id(marketplace, currency, mark)
            kept = [{"$match": {"_id": {"$gte": start, "$lt": f"{start}}}"}}}, *_of_kept()]
            stages.append({"$unionWith": {"coll": CHECKPOINT_BALANCES, "pipeline": kept}})
        found = self._database[BLOCKS].aggregate([*stages, *_GROUPED], hint=dict(blocks.BY_TIME))
        return [_group(it) for it in await found.to_list(None)]


def _of_kept() -> list[Document]:
    """Return the steps from kept balances to amounts by account."""
    return [
        {"$project": {"kept": {"$objectToArray": f"${AMOUNTS}"}}},
        {"$unwind": "$kept"},
        {"$project": {"_id": "$kept.k", "amount": "$kept.v"}},
    ]


_GROUPED: Final[list[Document]] = [
    {"$group": {"_id": "$_id", "amount": {"$sum": "$amount"}}},
    {
        "$group": {
            "_id": {"$arrayElemAt": [{"$split": ["$_id", "/"]}, 0]},
            "accounts": {"$sum": {"$cond": [{"$eq": ["$amount", 0]}, 0, 1]}},
            "debit": {"$sum": {"$min": ["$amount", 0]}},
            "credit": {"$sum": {"$max": ["$amount", 0]}},
        }
    },
    {"$sort": {"_id": 1}},
]
"""The steps from amounts, several an account, to the sums of each kind of account: its name up to the first slash."""


def _as_field(name: str) -> Document:
    """Return the step that names an account as the field of its kept balance (`balances.field_of`)."""
    escaped = {"$replaceAll": {"input": name, "find": "%", "replacement": "%25"}}
    return {"$replaceAll": {"input": escaped, "find": ".", "replacement": "%2E"}}


def _group(found: Document) -> GroupSums:
    group = balances.account_of(found["_id"])
    return GroupSums(group, found["accounts"], -int(found["debit"]), int(found["credit"]))


def _booked(block: Document) -> list[Booked]:
    return [
        Booked(
            transaction_id=blocks.transaction_id(block["_id"], place),
            at=block["at"],
            kind=it["kind"],
            order=it["order"],
            cause=it["cause"],
            account=account,
            amount_minor=int(amount),
        )
        for place, it in enumerate(block["transactions"])
        for account, amount in it["entries"].items()
    ]
