"""Where an order is: in exactly one place of settled, held, rejected, dead letters, parked, or still on its way.

Judged from the stores alone, chunk by chunk, in bounded memory. Nothing here waits or repairs.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final, Literal, NamedTuple

from ops import letters
from ops.sorting import Sorter, distinct, joined
from ops.stores import CHUNK, Stores, by_id
from shared.mongo import Document
from shared.parking import PARKS

Name = Literal["settled", "held", "rejected", "dlq", "parked", "waiting"]

NAMES: Final[tuple[Name, ...]] = ("settled", "held", "waiting", "rejected", "dlq", "parked")

NOT_TAKEN: Final = "not_taken"
"""On its way to payments, for all that its store knows; perhaps a dead letter."""

DONE: Final = frozenset({"paid", "taken", "written_off"})
"""States of a share of which nothing is to come: paid, used by a refund of another order, given up by hand."""


class Place(NamedTuple):
    """One order's place, and why it is there: a reason, a dead-letter topic, or what it waits for."""

    name: Name
    detail: str = ""


SETTLED: Final = Place("settled")


@dataclass(slots=True)
class Tally:
    """How many orders are where."""

    orders: int = 0
    counts: Counter[Place] = field(default_factory=Counter)

    def add(self, place: Place, orders: int = 1) -> None:
        """Count orders."""
        if orders:
            self.orders += orders
            self.counts[place] += orders

    def of(self, name: Name) -> int:
        """Return how many are there, whatever the detail."""
        return sum(count for place, count in self.counts.items() if place.name == name)

    def reasons(self) -> dict[str, dict[str, int]]:
        """Return how many are in each place that has a reason, by the reason."""
        found: dict[str, dict[str, int]] = {}
        for place, count in sorted(self.counts.items()):
            if place.detail:
                found.setdefault(place.name, {})[place.detail] = count
        return found

    def answer(self) -> dict[str, int]:
        """Return what `--json` says."""
        return {"orders": self.orders} | {name: self.of(name) for name in NAMES}


async def of(stores: Stores, keys: Iterable[str]) -> AsyncIterator[tuple[str, Place]]:
    """Return the place of each order, dead letters unseen: those of no store come out as waiting `not_taken`."""
    for chunk in batched(keys, CHUNK):
        claims = await by_id(stores.payments, "orders", chunk, ("state", "reason"))
        splits = await by_id(stores.split, "orders", chunk, ("state", "shares", "payouts"))
        payouts = await _payouts(stores, splits)
        parks = await _parks(stores, chunk)
        for key in chunk:
            yield key, parks.get(key) or place_of(claims.get(key), splits.get(key), payouts.get(key, ()))


async def in_letters(
    bootstrap: str, topics: Iterable[str], waiting: Sorter, redriven: frozenset[str]
) -> AsyncIterator[tuple[str, Place]]:
    """Return each of these waiting orders (rows of key and detail), as a dead letter where there is one of it."""
    found = Sorter()
    async for letter in letters.read(bootstrap, list(topics)):
        if letter.id not in redriven:
            found.add((letter.order, letter.topic))
    for key, (orders, topics_found) in joined(waiting, found):
        if orders:
            yield key, Place("dlq", topics_found[0][0]) if topics_found else Place("waiting", orders[0][0])


def place_of(claim: Document | None, split: Document | None, payouts: Iterable[Document]) -> Place:
    """Return the place of an order from what payments and split have of it."""
    if claim is None:
        return Place("waiting", NOT_TAKEN)
    if claim["state"] == "rejected":
        return Place("rejected", claim.get("reason") or "")
    if claim["state"] == "unverified":
        return Place("held", "unverified")
    if claim["state"] != "accepted":
        return Place("waiting", "proof")
    if split is None or split["state"] != "split":
        return Place("waiting", "split")
    return _of_shares(split["shares"], list(payouts))


def _of_shares(shares: Iterable[dict[str, Any]], payouts: list[Document]) -> Place:
    held = [share["reason"] or share["state"] for share in shares if share["state"] in ("held", "available")]
    if held:
        return Place("held", min(held))
    subsidies = [it for payout in payouts for it in payout["subsidies"] if it["state"] == "created" and it["reason"]]
    if subsidies:
        return Place("held", subsidies[0]["reason"])
    if any(payout["state"] != "final" for payout in payouts):
        return Place("waiting", "institution")
    left = [share["reason"] for share in shares if share["state"] not in DONE]
    if resting := [reason for reason in left if reason]:
        return Place("held", min(resting))
    if left:
        return Place("waiting", "books")
    return SETTLED


async def _payouts(stores: Stores, splits: dict[str, Document]) -> dict[str, list[Document]]:
    wanted = [payout for key, split in splits.items() for payout in payout_keys(key, split.get("payouts", 0))]
    fields = ("order", "state", "subsidies.state", "subsidies.reason")
    found: dict[str, list[Document]] = {}
    for payout in (await by_id(stores.payments, "payouts", wanted, fields)).values():
        found.setdefault(payout["order"], []).append({"subsidies": []} | payout)
    return found


def payout_keys(order_key: str, count: int) -> Iterator[str]:
    """Return the keys of the first `count` payouts of an order."""
    marketplace, _, order_id = order_key.partition("/")
    return (f"{marketplace}/o:{order_id}.{number}" for number in range(1, count + 1))


async def _parks(stores: Stores, keys: Iterable[str]) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for service in ("payments", "split"):
        for key, park in (await by_id(stores.of(service), PARKS, keys, ("reason",))).items():
            found.setdefault(key, Place("parked", f"{service}: {park.get('reason', '')}"))
    return found


def sent_keys(keys: Iterable[str]) -> Iterator[str]:
    """Return keys sorted, each once, whatever their number."""
    sorter = Sorter()
    for key in keys:
        sorter.add((key,))
    return distinct(sorter)
