"""Accounts as readers see them: balances summed over their stripes, and entries by time. Nothing is written here."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from shared.mongo import UP, Database, Document, Session
from split.store import balances, blocks
from split.store.balances import BALANCES
from split.store.blocks import BLOCKS


class Balance(msgspec.Struct, frozen=True, gc=False):
    """What an account holds in one currency, credit-positive minor units."""

    currency: str
    account: str
    amount_minor: int


class Posted(msgspec.Struct, frozen=True, gc=False):
    """One transaction's entry in an account. `order` is `<marketplace>/<order_id>`."""

    transaction_id: str
    kind: str
    order: str
    cause: str
    at: datetime
    amount_minor: int


class Accounts:
    """Reads of balances and entries of one marketplace at a time."""

    def __init__(self, database: Database) -> None:
        self._balances = database[BALANCES]
        self._blocks = database[BLOCKS]

    async def balance(
        self, marketplace: str, account: str, currency: str, session: Session | None = None
    ) -> int | None:
        """Return the sum of an account's stripes; None when nothing was ever booked in it."""
        query = {"_id": balances.ids_of(marketplace, currency, balances.group_of(account))}
        found = await self._balances.find(query, balances.only(account), session=session).to_list(None)
        amounts = [amount for it in found for *_, amount in balances.kept_in(it)]
        return sum(amounts) if amounts else None

    async def balances(
        self, marketplace: str, currency: str | None, after: tuple[str, str] | None, limit: int
    ) -> list[Balance]:
        """Return up to `limit` balances after a (currency, account), by currency, group and account."""
        wanted = balances.ids_of(marketplace, currency) if currency else balances.ids_of(marketplace)
        if after is not None:
            wanted["$gte"] = max(wanted["$gte"], f"{marketplace}|{after[0]}|{balances.group_of(after[1])}|")
        place = (after[0], balances.group_of(after[1]), after[1]) if after else ("", "", "")
        page: list[Balance] = []
        async for held in self._groups(wanted):
            page += [it for it in held if (it.currency, balances.group_of(it.account), it.account) > place]
            if len(page) >= limit:
                break
        return page[:limit]

    async def _groups(self, wanted: Document) -> AsyncIterator[list[Balance]]:
        """Give the balances of one group after another, each summed over its stripes."""
        group, sums = "", dict[tuple[str, str], int]()
        async for it in self._balances.find({"_id": wanted}).sort("_id", UP):
            before, group = group, it["_id"].rsplit("|", 1)[0]
            if group != before and sums:
                yield _sorted(sums)
                sums = {}
            for _, currency, account, amount in balances.kept_in(it):
                sums[currency, account] = sums.get((currency, account), 0) + amount
        yield _sorted(sums)

    async def entries(
        self, marketplace: str, account: str, currency: str, after: str | None, limit: int
    ) -> list[Posted]:
        """Return up to `limit` entries of an account after a transaction, the oldest first."""
        stages = entries_of(marketplace, account, currency, after, limit)
        found = self._blocks.aggregate(stages, batchSize=limit + 1, hint=dict(blocks.BY_ACCOUNT))
        return [posted(it) for it in await found.to_list(None)]


def entries_of(
    marketplace: str, account: str, currency: str, after: str | None, limit: int, within: Document | None = None
) -> list[Document]:
    """Return the steps from blocks to the transactions of an account, of ids within bounds; no block is sent whole."""
    blocks_wanted: Document = {"marketplace": marketplace, "currency": currency, "accounts": account}
    if within is not None:
        blocks_wanted["_id"] = dict(within)
    amount = blocks.amount_in("$transactions.entries", account)
    wanted: Document = {"amount_minor": {"$exists": True}}
    if after is not None:
        block, place = blocks.place_of(after)
        bounds = blocks_wanted.setdefault("_id", {})
        bounds["$gte"] = max(block, bounds.get("$gte", ""))
        wanted["$or"] = [{"_id": {"$gt": block}}, {"place": {"$gt": place}}]
    shown = ("place", "at", "amount_minor", "transactions.kind", "transactions.order", "transactions.cause")
    return [
        {"$match": blocks_wanted},
        {"$sort": {"_id": UP}},
        {"$unwind": {"path": "$transactions", "includeArrayIndex": "place"}},
        {"$set": {"amount_minor": amount}},
        {"$match": wanted},
        {"$limit": limit},
        {"$project": dict.fromkeys(shown, 1)},
    ]


def _sorted(sums: dict[tuple[str, str], int]) -> list[Balance]:
    return [Balance(*place, amount) for place, amount in sorted(sums.items())]


def posted(found: Document) -> Posted:
    """Return an entry that `entries_of` found."""
    booked = found["transactions"]
    identity = blocks.transaction_id(found["_id"], found["place"])
    return Posted(identity, booked["kind"], booked["order"], booked["cause"], found["at"], found["amount_minor"])
