"""The institution's own record of the accounts that are audited, read before the stores: Weir must know all of it."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final, NamedTuple

from ops.institution import Institution
from ops.sorting import Sorter
from ops.stores import Stores, prefixed

EXECUTED: Final = ("succeeded", "accepted")


class Moved(NamedTuple):
    """One transfer as the institution remembers it."""

    state: str
    kind: str
    receiver: str
    currency: str
    amount_minor: int


class Record:
    """Money in and money out of some accounts, by `<account>/<number>`."""

    def __init__(self, accounts: Iterable[str]) -> None:
        """Begin with nothing read."""
        self.accounts = tuple(accounts)
        self.paid = Sorter()
        """(account/payment id, amount less fee, currency)"""
        self.moved = Sorter()
        """(account/number, *Moved)"""
        self.pools: Counter[tuple[str, str]] = Counter()
        self.records: Counter[tuple[str, str]] = Counter()
        self.still = True
        """Whether no pool changed while its record was read."""


async def accounts(stores: Stores, marketplace: str | None) -> AsyncIterator[tuple[str, str]]:
    """Go through the marketplaces and the channel accounts that orders of theirs were paid into."""
    key = {"marketplace": "$marketplace", "account": "$channel_account"}
    pipeline: list[dict[str, Any]] = [
        {"$match": prefixed(marketplace)},
        {"$group": {"_id": key}},
        {"$sort": {"_id": 1}},
    ]
    async for it in stores.payments.orders.aggregate(pipeline):
        yield it["_id"]["marketplace"], it["_id"]["account"]


async def read(institution: Institution, wanted: Iterable[str]) -> Record:
    """Return the institution's record of these accounts."""
    record = Record(wanted)
    for account in record.accounts:
        before = await _pools(institution, account)
        async for it in institution.payments(account):
            net = it["amount_minor"] - it["fee_minor"]
            record.paid.add((f"{account}/{it['payment_id']}", net, it["currency"]))
            record.records[account, it["currency"]] += net
        async for it in institution.transfers(account):
            moved = moved_of(it)
            record.moved.add((f"{account}/{it['number']}", *moved))
            record.records[account, moved.currency] += effect(moved)
        after = await _pools(institution, account)
        record.still = record.still and before == after
        record.pools.update(after)
    return record


def moved_of(it: dict[str, Any]) -> Moved:
    """Return a transfer of the institution's answer."""
    return Moved(it["state"], it["kind"], it["receiver"], it["currency"], it["amount_minor"])


def effect(moved: Moved) -> int:
    """Return what a transfer did to the pool: a payout takes from it, a subsidy adds to it."""
    if moved.kind == "subsidy":
        return moved.amount_minor if moved.state == "succeeded" else 0
    return -moved.amount_minor if moved.state in EXECUTED else 0


async def _pools(institution: Institution, account: str) -> dict[tuple[str, str], int]:
    found = await institution.balances(account)
    return {(account, it["currency"]): it["balance_minor"] for it in found if it["pocket"] == "pool"}
