"""Kept balances: many accounts of a stripe share a document, so that a batch changes few documents.

An order moves as many accounts as it has receivers, and a document for each was the largest part of its cost in
MongoDB (decision 0012). An account's group is a hash of its name; within it, the account's field holds its minor units.
"""

import zlib
from collections.abc import Iterator
from typing import Final

from shared.mongo import Document
from shared.work import Work

BALANCES: Final = "balances"

GROUPS: Final = 128
"""Documents a stripe and currency. With 100,000 accounts each holds some 800 of them, in 40 kB. Another number needs
the balances to be built anew from the ledger."""

AMOUNTS: Final = "amounts"
_AFTER_BAR: Final = "}"
"""The character after `|`: ids from `<prefix>|` up to `<prefix>}` are those that begin with it."""


def group_of(account: str) -> str:
    """Return the group of an account, three digits."""
    return f"{zlib.crc32(account.encode()) % GROUPS:03}"


def add(work: Work, marketplace: str, currency: str, amounts: dict[str, int]) -> None:
    """Add to the balances of accounts, in this unit's stripe. Minor units of the currency."""
    for account, amount in amounts.items():
        identity = f"{marketplace}|{currency}|{group_of(account)}|{work.stripe}"
        work.increment(BALANCES, identity, {f"{AMOUNTS}.{field_of(account)}": amount}, {})


def kept_in(document: Document) -> Iterator[tuple[str, str, str, int]]:
    """Give what a document holds: marketplace, currency, account, minor units."""
    marketplace, currency, _, _ = document["_id"].split("|", 3)
    for field, amount in document[AMOUNTS].items():
        yield marketplace, currency, account_of(field), amount


def ids_of(*prefix: str) -> Document:
    """Return the query for the documents of a marketplace, of a currency in it, or of a group in that."""
    start = "|".join(prefix)
    return {"$gte": f"{start}|", "$lt": f"{start}{_AFTER_BAR}"}


def only(account: str) -> Document:
    """Return the projection that reads one account of its group."""
    return {f"{AMOUNTS}.{field_of(account)}": 1}


def field_of(account: str) -> str:
    """Return an account as a field is named: a dot would lead into it."""
    return account.replace("%", "%25").replace(".", "%2E")


def account_of(field: str) -> str:
    """Return the account that a field is of."""
    return field.replace("%2E", ".").replace("%25", "%")
