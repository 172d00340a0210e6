"""Waits until every order sent is in its final place. Asks again only for those that were not settled yet."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ops import places, redrives
from ops.places import SETTLED, Place, Tally
from ops.sorting import Sorter
from ops.stores import Stores

POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked for, and where dead letters are."""

    stores: Stores
    bootstrap: str
    dead_letter_topics: tuple[str, ...]


async def wait(
    look: Look, keys: Iterable[str], *, timeout_s: float, allow_held: bool, tell: Callable[[Tally], None]
) -> Tally:
    """Return where the orders are, once all are settled (or held, if allowed), no more can move, or the time is over.

    `keys` come sorted, each once. Orders that need an operator (rejected, dead letters, parked) are not waited for.
    """
    deadline = time.monotonic() + timeout_s
    settled, stuck = 0, timeout_s <= 0
    while True:
        tally, unsettled = await tallied(look, keys, with_letters=stuck)
        tally.add(SETTLED, settled)
        tell(tally)
        over = time.monotonic() >= deadline
        if not tally.of("waiting") + (0 if allow_held else tally.of("held")) or (over and stuck):
            return tally
        # While orders arrive, none is looked for among the dead letters: reading those is the dear part.
        stuck = over or tally.of("settled") == settled
        settled = tally.of("settled")
        keys = (row[0] for row in unsettled)
        await asyncio.sleep(min(POLL_S, max(0.0, deadline - time.monotonic())))


async def tallied(look: Look, keys: Iterable[str], *, with_letters: bool) -> tuple[Tally, Sorter]:
    """Return where these orders are, and the keys of those that are not settled."""
    tally, unsettled = Tally(), Sorter()
    async for key, place in place_all(look, keys) if with_letters else places.of(look.stores, keys):
        tally.add(place)
        if place != SETTLED:
            unsettled.add((key,))
    return tally, unsettled


async def place_all(look: Look, keys: Iterable[str]) -> AsyncIterator[tuple[str, Place]]:
    """Return the place of each order, those of the dead letters last."""
    waiting = Sorter()
    async for key, place in places.of(look.stores, keys):
        if place.name == "waiting":
            waiting.add((key, place.detail))
        else:
            yield key, place
    if len(waiting):
        redriven = await redrives.done(look.stores)
        async for key, place in places.in_letters(look.bootstrap, look.dead_letter_topics, waiting, redriven):
            yield key, place


def finished(tally: Tally, *, allow_held: bool) -> bool:
    """Return whether every order is settled, or held where that is allowed."""
    return tally.of("settled") + (tally.of("held") if allow_held else 0) == tally.orders
