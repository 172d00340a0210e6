"""Accounts as readers see them: balances summed over their stripes, and entries by time. Nothing is written here."""

from datetime import datetime

import msgspec

from shared.mongo import UP, Database, Document
from split.store.books import BALANCES, TRANSACTIONS


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
        self._transactions = database[TRANSACTIONS]

    async def balance(self, marketplace: str, account: str, currency: str) -> int | None:
        """Return the sum of an account's stripes; None when nothing was ever booked in it."""
        query = {"marketplace": marketplace, "currency": currency, "account": account}
        found = await self._balances.find(query, {"amount_minor": 1}).to_list(None)
        return sum(it["amount_minor"] for it in found) if found else None

    async def balances(
        self, marketplace: str, currency: str | None, after: tuple[str, str] | None, limit: int
    ) -> list[Balance]:
        """Return up to `limit` balances after a (currency, account), in that order."""
        query: Document = {"marketplace": marketplace}
        if currency is not None:
            query["currency"] = currency
        if after is not None:
            query["$or"] = [{"currency": {"$gt": after[0]}}, {"currency": after[0], "account": {"$gt": after[1]}}]
        cursor = self._balances.find(query).sort([("currency", UP), ("account", UP), ("stripe", UP)])
        sums: dict[tuple[str, str], int] = {}
        async for it in cursor:
            place = (it["currency"], it["account"])
            if place not in sums and len(sums) == limit:
                break
            sums[place] = sums.get(place, 0) + it["amount_minor"]
        return [Balance(*place, amount) for place, amount in sums.items()]

    async def entries(
        self, marketplace: str, account: str, currency: str, after: str | None, limit: int
    ) -> list[Posted]:
        """Return up to `limit` entries of an account after a transaction, the oldest first."""
        query: Document = {"marketplace": marketplace, "currency": currency, "entries.account": account}
        if after is not None:
            query["_id"] = {"$gt": after}
        cursor = self._transactions.find(query, {"hash": 0, "stripe": 0}).sort("_id", UP).limit(limit)
        return [_posted(it, account) for it in await cursor.to_list(None)]


def _posted(document: Document, account: str) -> Posted:
    amounts = [it["amount_minor"] for it in document["entries"] if it["account"] == account]
    named = (document["kind"], document["order"], document["cause"], document["at"])
    return Posted(document["_id"], *named, sum(amounts))
