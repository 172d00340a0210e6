"""Who ended with what, by the institution's own record and split's books, against what the stories say."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import httpx
from tests.mixed.orders import Story

from ops.institution import Institution

IN_TRANSIT: Final = "buyer:refund_in_transit"
OUT: Final = frozenset({"chargeback", "console_refund"})
"""Movements by which a buyer gets money; by a reversal it is taken back."""
PAGE: Final = 1_000

type Sums = Counter[tuple[str, str]]
"""Minor units by who (a merchant, or `buyer`) and currency."""


class There(NamedTuple):
    """What the institution's record says: who has got what of it, and what its pool holds, by currency."""

    got: Sums
    pool: Counter[str]
    mistakes: list[str]


async def problems(urls: dict[str, str], marketplace: str, stories: Iterable[Story]) -> list[str]:
    """Return all that is not as it must be in one marketplace, in words."""
    return await differences(urls, marketplace, marketplace, _wanted(stories))


async def differences(urls: dict[str, str], marketplace: str, account: str, wanted: Sums) -> list[str]:
    """Return who does not end with what is wanted, and where the books of the two sides differ, in words."""
    async with httpx.AsyncClient(timeout=60) as client:
        booked = await _booked(client, urls["split"], marketplace)
        there = await _there(client, urls["institution"], account)
    ended = _ended(booked, there)
    found = [
        f"{who} ends with {ended[who, currency]} {currency}, must with {wanted[who, currency]}"
        for who, currency in sorted({*ended, *wanted})
        if ended[who, currency] != wanted[who, currency]
    ]
    for currency in sorted({currency for _, currency in booked} | set(there.pool)):
        ours, theirs = -booked[f"channel:clearing/{account}", currency], there.pool[currency]
        if ours != theirs:
            found.append(f"split has {ours} {currency} in the pool, the institution {theirs}")
    return [f"{marketplace}: {it}" for it in [*found, *there.mistakes]]


def _wanted(stories: Iterable[Story]) -> Sums:
    found: Sums = Counter()
    for it in stories:
        for merchant, amount in it.wanted.items():
            found[merchant, it.order.currency] += amount
        found["buyer", it.order.currency] += it.back_minor
    return found


def _ended(booked: Sums, there: There) -> Sums:
    """Return what everybody got, less what was taken back, with what Weir owes them and less what they owe it."""
    found: Sums = Counter(there.got)
    for (account, currency), amount in booked.items():
        kind, _, owner = account.partition("/")
        if kind.startswith("merchant:"):
            found[owner, currency] += amount
        elif account == IN_TRANSIT:
            found["buyer", currency] += amount
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


async def _there(client: httpx.AsyncClient, url: str, account: str) -> There:
    """Read the institution's record: transfer by transfer, since a sum of its own would be believed."""
    got: Sums = Counter()
    returned: Counter[str] = Counter()
    paid: dict[str, int] = {}
    async with Institution(url) as institution:
        async for it in institution.transfers(account):
            if it["state"] != "succeeded":
                continue
            receiver, currency, amount = str(it["receiver"]), it["currency"], it["amount_minor"]
            merchant = receiver.removeprefix("merchant:")
            if it["kind"] == "refund":
                got["buyer", currency] += amount
            elif it["kind"] == "return":
                returned[it["of"]] += amount
                got[merchant, currency] -= amount
            elif it["kind"] in {"payout", "finish"}:
                paid[it["number"]] = amount
                if receiver.startswith("merchant:"):
                    got[merchant, currency] += amount
        pool: Counter[str] = Counter()
        for it in await institution.balances(account):
            if it["pocket"] in {"pool", "platform:liable"}:
                pool[it["currency"]] += it["balance_minor"]
    async for it in _movements(client, url, account):
        sign = 1 if it["kind"] in OUT else -1 if it["kind"] == "chargeback_reversed" else 0
        got["buyer", it["currency"]] += sign * it["amount_minor"]
    over = [
        f"{it} paid {paid.get(it, 0)}, given back are {back}" for it, back in returned.items() if back > paid.get(it, 0)
    ]
    return There(got, pool, over)


async def _movements(client: httpx.AsyncClient, url: str, account: str) -> Any:  # noqa: ANN401 - an async generator
    cursor = ""
    while True:
        answer = await client.get(f"{url}/v1/accounts/{account}/movements", params={"cursor": cursor, "limit": PAGE})
        page = answer.raise_for_status().json()
        for it in page["movements"]:
            yield it
        if len(page["movements"]) < PAGE:  # the cursor leads on, to what will have happened by then
            return
        cursor = page["next_cursor"]
