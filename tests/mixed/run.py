"""A mixed run on a cluster that is there: everything is told while orders come, then it comes to rest and is checked.

The institution takes money back by itself, and has troubles drawn from a seed. Who ended with what is compared with
what the stories say: the institution's record says who got what, and Weir is asked for what it still owes only.
"""

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from tests.infra.local import ROOT
from tests.mixed import troubles
from tests.mixed.orders import CURRENCIES, EARLY_MAX, Story, Told
from tests.mixed.stories import merchants, story
from tests.mixed.verdict import problems

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
DISPUTED_FOR: Final = timedelta(days=121)
"""By then a chargeback whose end is never told counts as ended, and what it froze goes out."""
FUNDS_MINOR: Final = 10**12
MARKETING: Final = "platform:marketing"
ADVANCE: Final = "platform:advance"
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
    await _fund(where, mix)
    before = await where.stores.payments.movements.count_documents({"state": "published"})
    began = time.monotonic()
    told = await _tell_all(where, mix, tell)
    sent = time.monotonic()
    tell(f"{told.total():,} events in {sent - began:.0f} s; until nothing moves")
    try:
        for ahead in (timedelta(), RETRIED_AFTER, DISPUTED_FOR):
            await clock.move(where.stores.split, ahead)
            await at_rest(where, before + told[ChannelMoved.topic], ahead, tell)
    finally:
        await clock.move(where.stores.split, timedelta())
    rested = time.monotonic()
    wrong = [problem for it in mix.marketplaces for problem in await problems(where.urls, it, mix.of(it))]
    return Ended(len(mix.marketplaces) * mix.orders, told, sent - began, rested - sent, wrong)


async def _fund(where: Where, mix: Mix) -> None:
    """Give the platform the money for all that it bears."""
    async with Institution(where.urls["institution"]) as institution:
        for account in mix.marketplaces:
            for currency in sorted(set(CURRENCIES)):
                for pocket in (MARKETING, ADVANCE):
                    await institution.fund(account, f"{pocket}-{currency}", currency, FUNDS_MINOR, pocket)


async def _tell_all(where: Where, mix: Mix, tell: Tell) -> Counter[str]:
    """Tell everything at the mix's rate, each order's events as far before or after it as they say, among troubles."""
    url = where.urls["institution"]
    troubled = asyncio.create_task(troubles.trouble(url, mix.marketplaces, mix.seed))
    try:
        return await _told(where, mix, tell)
    finally:
        troubled.cancel()
        await asyncio.gather(troubled, return_exceptions=True)
        await troubles.over(url, mix.marketplaces)


async def _told(where: Where, mix: Mix, tell: Tell) -> Counter[str]:
    publisher = Publisher(where.urls["kafka"], "mixed")
    manifest = Manifest(datetime.now(UTC), where.folder / SENT)
    told: Counter[str] = Counter()
    try:
        async with Institution(where.urls["institution"]) as institution:
            began, shown = time.monotonic(), 0.0
            refused: list[ChannelMoved] = []
            for due in batched(_in_time(mix), EVENTS_AT_ONCE):
                orders = [it.event for it in due if isinstance(it.event, OrderPaid)]
                await batch.pay(orders, institution)
                manifest.add(it.key for it in orders)
                moving = [*refused, *(it.event for it in due if isinstance(it.event, ChannelMoved))]
                refused = await _move(where, moving)
                await publisher.publish([_record(it) for it in due if not isinstance(it.event, ChannelMoved)])
                told.update(it.event.topic for it in due)
                elapsed = time.monotonic() - began
                if elapsed > shown + SHOW_EVERY_S:
                    shown = elapsed
                    tell(f"{elapsed:5.0f} s  {told[ORDER]:,} orders, {told.total():,} events")
                await asyncio.sleep(max(0.0, told[ORDER] / mix.rate - elapsed))
            async with asyncio.timeout(REST_S_MAX):
                while refused := await _move(where, refused):  # noqa: ASYNC110 - the pool of another party fills
                    await asyncio.sleep(POLL_S)
    finally:
        manifest.close()
        await publisher.stop()
    return told


async def _move(where: Where, events: Sequence[ChannelMoved]) -> list[ChannelMoved]:
    """Have the institution move money by itself; return what it cannot yet: a refund needs money in the pool."""
    refused: list[ChannelMoved] = []
    async with httpx.AsyncClient(timeout=60) as client:
        for account in sorted({it.channel_account for it in events}):
            some = [it for it in events if it.channel_account == account]
            url = f"{where.urls['institution']}/v1/accounts/{account}/movements"
            answer = await client.post(url, json={"movements": [_movement(it) for it in some]})
            said = answer.raise_for_status().json()["movements"]
            refused += [it for it, one in zip(some, said, strict=True) if one["state"] == "refused"]
            unexpected = {one["reason"] for one in said} - {None, "insufficient_funds", "chargeback_unknown"}
            assert not unexpected, said
    return refused


def _movement(it: ChannelMoved) -> dict[str, Any]:
    named = {name: getattr(it, name) for name in ("movement_id", "kind", "currency", "amount_minor")}
    named |= {"payment_id": it.channel_payment_id}
    return named | ({"reverses": it.reverses} if it.reverses else {})


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


async def at_rest(where: Where, moved: int, ahead: timedelta, tell: Tell) -> None:
    """Wait until nothing is under way and nothing is due, split's clock being so far ahead.

    `moved`: so many movements of the institution's own have been told of by then, those before the run among them.

    Raises:
        TimeoutError: it does not come to rest; the message says what is under way.

    """
    wanted = lag.groups(Topics.load(ROOT / "deploy" / "topics.yaml"))
    deadline, quiet, shown = time.monotonic() + REST_S_MAX, 0, time.monotonic()
    while quiet < QUIET:
        under_way = await _under_way(where, moved, wanted, ahead)
        quiet = 0 if under_way else quiet + 1
        if time.monotonic() > shown + SHOW_EVERY_S:
            shown = time.monotonic()
            tell(f"       under way: {under_way}")
        if time.monotonic() > deadline:
            message = f"still under way: {under_way}"
            raise TimeoutError(message)
        await asyncio.sleep(POLL_S)


async def _under_way(where: Where, moved: int, wanted: dict[str, str], ahead: timedelta) -> dict[str, int]:
    now = datetime.now(UTC) + ahead
    found = {f"{it} outbox": await where.stores.of(it)[COLLECTION].count_documents({}, limit=1) for it in SERVICES}
    found["lag"] = sum(it.records for it in await lag.measure(where.urls["kafka"], wanted))
    found["due"] = await where.stores.split.orders.count_documents({"look_at": {"$lte": now}})
    found["movements"] = moved - await where.stores.payments.movements.count_documents({"state": "published"})
    found["refunds"] = await where.stores.payments.refunds.count_documents({"state": {"$ne": "final"}})
    found["payouts"] = await where.stores.payments.payouts.count_documents({"state": {"$ne": "final"}})
    return {name: count for name, count in found.items() if count}
