"""A mixed run on a cluster that is there: everything is told while orders come, then it comes to rest and is checked.

The institution's side of money back is played (`tests.player`), with troubles drawn from a seed. Who ended with what is
compared with what the stories say; Weir is asked for what it still owes only.
"""

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from tests.infra.local import ROOT
from tests.mixed.orders import CURRENCIES, EARLY_MAX, SHAKY, Story, Told
from tests.mixed.stories import merchants, story
from tests.mixed.verdict import problems
from tests.player.player import Player
from tests.player.script import mixed

from ops import lag
from ops.institution import Institution
from ops.send import batch
from ops.send.manifest import SENT, Manifest
from ops.send.merchants import ensure
from ops.send.run import copied
from ops.stores import SERVICES, Stores
from shared import clock
from shared.envelope import headers_of
from shared.messages import ChannelMoved, OrderPaid, encode
from shared.outbox import COLLECTION, Outgoing
from shared.publisher import Publisher
from shared.topics import Topics

ORDER: Final = OrderPaid.topic
SHOW_EVERY_S: Final = 30.0
POLL_S: Final = 1.0
REST_S_MAX: Final = 900.0
QUIET: Final = 3
"""So many looks in a row must find the same, and nothing under way."""
RETRIED_AFTER: Final = timedelta(hours=3)
"""By then the legs that failed are due again, up to their fourth attempt."""
FUNDS_MINOR: Final = 10**12
BUSY: Final = "CHANNEL_BUSY"
UPSTREAM: Final = "/upstream/mixed"
EVENTS_AT_ONCE: Final = 500

Tell = Callable[[str], None]


class Where(NamedTuple):
    """The cluster: `urls` has kafka, institution, and each service; `folder` is where the manifest is written."""

    urls: dict[str, str]
    stores: Stores
    folder: Path


class Mix(NamedTuple):
    """What a run is made of: so many orders of each of these marketplaces, all together at so many a second."""

    marketplaces: Sequence[str]
    orders: int
    rate: float
    seed: int = 1

    def stories(self) -> Iterator[Story]:
        """Return the stories, the marketplaces by turns."""
        return (story(it, number) for number in range(self.orders) for it in self.marketplaces)

    def of(self, marketplace: str) -> Iterator[Story]:
        """Return the stories of one marketplace."""
        return (story(marketplace, number) for number in range(self.orders))


class Ended(NamedTuple):
    """Where everybody ended. `problems` is empty after a good run."""

    orders: int
    told: Counter[str]
    sent_s: float
    rested_s: float
    problems: list[str]


async def run(where: Where, mix: Mix, tell: Tell) -> Ended:
    """Tell every story, wait until nothing moves, and compare who ended with what."""
    for marketplace in mix.marketplaces:
        await ensure(where.urls["merchant"], merchants(marketplace))
    await copied(where.urls["kafka"])
    async with _players(where, mix) as players, httpx.AsyncClient(timeout=60) as client:
        await _fund(where, mix)
        began = time.monotonic()
        await _faults(where, mix, client, {"fail_receivers": {f"merchant:{SHAKY}": BUSY}})
        told = await _tell_all(where, mix, players, tell)
        sent = time.monotonic()
        tell(f"{told.total():,} events in {sent - began:.0f} s; until nothing moves")
        await at_rest(where, players, timedelta(), tell)
        await _faults(where, mix, client, None)
        await clock.move(where.stores.split, RETRIED_AFTER)
        await at_rest(where, players, RETRIED_AFTER, tell)
        rested = time.monotonic()
        wrong = [
            problem for it, player in players.items() for problem in await problems(where.urls, it, mix.of(it), player)
        ]
    return Ended(len(mix.marketplaces) * mix.orders, told, sent - began, rested - sent, wrong)


@asynccontextmanager
async def _players(where: Where, mix: Mix) -> AsyncIterator[dict[str, Player]]:
    async with asyncio.TaskGroup() as group:
        players = {it: Player(where.urls["kafka"], it, mixed(mix.seed)) for it in mix.marketplaces}
        over = asyncio.Event()
        ready = [asyncio.Event() for _ in players]

        async def play(player: Player, started: asyncio.Event) -> None:
            async with player.playing():
                started.set()
                await over.wait()

        for player, started in zip(players.values(), ready, strict=True):
            group.create_task(play(player, started))
        for started in ready:
            await started.wait()
        yield players
        over.set()


async def _fund(where: Where, mix: Mix) -> None:
    """Give the platform the money for all that it bears."""
    async with Institution(where.urls["institution"]) as institution:
        for account in mix.marketplaces:
            for currency in sorted(set(CURRENCIES)):
                await institution.fund(account, f"mixed-{currency}", currency, FUNDS_MINOR)


async def _faults(where: Where, mix: Mix, client: httpx.AsyncClient, faults: dict[str, Any] | None) -> None:
    for account in mix.marketplaces:
        url = f"{where.urls['institution']}/v1/accounts/{account}/faults"
        answer = await (client.put(url, json=faults) if faults else client.delete(url))
        answer.raise_for_status()


async def _tell_all(where: Where, mix: Mix, players: dict[str, Player], tell: Tell) -> Counter[str]:
    """Publish everything at the mix's rate, each order's events as far before or after it as they say."""
    publisher = Publisher(where.urls["kafka"], "mixed")
    manifest = Manifest(datetime.now(UTC), where.folder / SENT)
    told: Counter[str] = Counter()
    try:
        async with Institution(where.urls["institution"]) as institution:
            began, shown = time.monotonic(), 0.0
            for due in batched(_in_time(mix), EVENTS_AT_ONCE):
                orders = [it.event for it in due if isinstance(it.event, OrderPaid)]
                await batch.pay(orders, institution)
                manifest.add(it.key for it in orders)
                for event in (it.event for it in due):
                    if isinstance(event, ChannelMoved):
                        players[event.marketplace].course.move(event)
                await publisher.publish([_record(it) for it in due])
                told.update(it.event.topic for it in due)
                elapsed = time.monotonic() - began
                if elapsed > shown + SHOW_EVERY_S:
                    shown = elapsed
                    tell(f"{elapsed:5.0f} s  {told[ORDER]:,} orders, {told.total():,} events")
                await asyncio.sleep(max(0.0, told[ORDER] / mix.rate - elapsed))
    finally:
        manifest.close()
        await publisher.stop()
    return told


def _in_time(mix: Mix) -> Iterator[Told]:
    """Return everything that is told, in the order of telling; what is early or late by others' orders is kept back."""
    waiting: list[tuple[int, int, Told]] = []
    count = 0
    for place, it in enumerate(mix.stories()):
        for one in (Told(it.order, UPSTREAM, 0), *it.told):
            count += 1
            heapq.heappush(waiting, (place + one.lag, count, one))
        while waiting and waiting[0][0] <= place - EARLY_MAX:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _record(told: Told) -> Outgoing:
    now, event = datetime.now(UTC), told.event
    headers = headers_of(event, told.source, now, now)
    return Outgoing(event.topic, event.key.encode(), encode(event), headers, (told.source, -1), 0)


async def at_rest(where: Where, players: dict[str, Player], ahead: timedelta, tell: Tell) -> None:
    """Wait until nothing is under way and nothing is due, split's clock being so far ahead.

    Raises:
        TimeoutError: it does not come to rest; the message says what is under way.

    """
    wanted = lag.groups(Topics.load(ROOT / "deploy" / "topics.yaml"))
    deadline, quiet, shown = time.monotonic() + REST_S_MAX, 0, time.monotonic()
    while quiet < QUIET:
        for player in players.values():
            await player.caught_up()
        under_way = await _under_way(where, wanted, ahead)
        quiet = 0 if under_way else quiet + 1
        if time.monotonic() > shown + SHOW_EVERY_S:
            shown = time.monotonic()
            tell(f"       under way: {under_way}")
        if time.monotonic() > deadline:
            message = f"still under way: {under_way}"
            raise TimeoutError(message)
        await asyncio.sleep(POLL_S)


async def _under_way(where: Where, wanted: dict[str, str], ahead: timedelta) -> dict[str, int]:
    now = datetime.now(UTC) + ahead
    found = {f"{it} outbox": await where.stores.of(it)[COLLECTION].count_documents({}, limit=1) for it in SERVICES}
    found["lag"] = sum(it.records for it in await lag.measure(where.urls["kafka"], wanted))
    found["due"] = await where.stores.split.orders.count_documents({"look_at": {"$lte": now}})
    found["payouts"] = await where.stores.payments.payouts.count_documents({"state": {"$ne": "final"}})
    return {name: count for name, count in found.items() if count}
