"""Accounts as readers see them: balances summed over their stripes, and entries by time. Nothing is written here."""

from collections.abc import AsyncIterator
from datetime import datetime

import msgspec

from shared.mongo import UP, Database, Document
from split.store import balances
from split.store.balances import BALANCES
from split.store.books import TRANSACTIONS


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
        query = {"_id": balances.ids_of(marketplace, currency, balances.group_of(account))}
        found = await self._balances.find(query, balances.only(account)).to_list(None)
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
        query: Document = {"marketplace": marketplace, "currency": currency, "entries.account": account}
        if after is not None:
            query["_id"] = {"$gt": after}
        cursor = self._transactions.find(query, {"hash": 0, "stripe": 0}).sort("_id", UP).limit(limit)
        return [_posted(it, account) for it in await cursor.to_list(None)]


def _sorted(sums: dict[tuple[str, str], int]) -> list[Balance]:
    return [Balance(*place, amount) for place, amount in sorted(sums.items())]


def _posted(document: Document, account: str) -> Posted:
    amounts = [it["amount_minor"] for it in document["entries"] if it["account"] == account]
    named = (document["kind"], document["order"], document["cause"], document["at"])
    return Posted(document["_id"], *named, sum(amounts))
