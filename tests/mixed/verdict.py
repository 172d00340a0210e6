"""Who ended with what, by the institution, the player of money back and split's books, against what the stories say."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import httpx
from tests.mixed.orders import Story
from tests.player.player import Player

SHOWN: Final = 5
IN_TRANSIT: Final = "buyer:refund_in_transit"

type Sums = Counter[tuple[str, str]]
"""Minor units by who (a merchant, or `buyer`) and currency."""


async def problems(urls: dict[str, str], marketplace: str, stories: Iterable[Story], player: Player) -> list[str]:
    """Return all that is not as it must be in one marketplace, in words."""
    async with httpx.AsyncClient(timeout=60) as client:
        booked = await _booked(client, urls["split"], marketplace)
        got = await _got(client, urls["institution"], marketplace)
    ended, wanted = _ended(booked, got, player, marketplace), _wanted(stories)
    found = [
        f"{who} ends with {ended[who, currency]} {currency}, must with {wanted[who, currency]}"
        for who, currency in sorted({*ended, *wanted})
        if ended[who, currency] != wanted[who, currency]
    ]
    for currency in sorted({currency for _, currency in booked}):
        there, pool = booked[f"channel:clearing/{marketplace}", currency], player.pool_minor(marketplace, currency)
        if there != -pool:
            found.append(f"split has {-there} {currency} in the pool, the topics tell of {pool}")
    return [f"{marketplace}: {it}" for it in [*found, *player.mistakes()[:SHOWN]]]


def _wanted(stories: Iterable[Story]) -> Sums:
    found: Sums = Counter()
    for it in stories:
        for merchant, amount in it.wanted.items():
            found[merchant, it.order.currency] += amount
        found["buyer", it.order.currency] += it.back_minor
    return found


def _ended(booked: Sums, got: Sums, player: Player, marketplace: str) -> Sums:
    """Return what everybody got, less what was taken back, with what Weir owes them and less what they owe it."""
    found: Sums = Counter(got)
    for (account, currency), amount in booked.items():
        kind, _, owner = account.partition("/")
        if kind.startswith("merchant:"):
            found[owner, currency] += amount
        elif account == IN_TRANSIT:
            found["buyer", currency] += amount
    for (account, currency), done in player.course.accounts.items():
        if account != marketplace:
            continue
        for receiver, amount in done.returned.items():
            if receiver.startswith("merchant:"):
                found[receiver.removeprefix("merchant:"), currency] -= amount
        taken = done.moved["chargeback"] + done.moved["console_refund"] - done.moved["chargeback_reversed"]
        found["buyer", currency] += done.refunded.total() + taken
    return found


async def _booked(client: httpx.AsyncClient, split: str, marketplace: str) -> Sums:
    """Return every balance in split's books."""
    found: Sums = Counter()
    parameters: dict[str, Any] = {"limit": 100}
    while True:
        answer = await client.get(f"{split}/v1/marketplaces/{marketplace}/accounts", params=parameters)
        page = answer.raise_for_status().json()
        for it in page["items"]:
            found[it["account"], it["currency"]] += it["balance_minor"]
        if page["next_cursor"] is None:
            return found
        parameters["cursor"] = page["next_cursor"]


async def _got(client: httpx.AsyncClient, institution: str, account: str) -> Sums:
    """Return what receivers have got at the institution."""
    answer = await client.get(f"{institution}/v1/accounts/{account}/receivers")
    return Counter(
        {
            (it["receiver"].removeprefix("merchant:"), it["currency"]): it["balance_minor"]
            for it in answer.raise_for_status().json()["receivers"]
            if it["receiver"].startswith("merchant:")
        }
    )
