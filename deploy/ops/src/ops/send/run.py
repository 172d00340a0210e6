"""A whole run of sending: survey the source, agree with its merchants, then batch by batch pay and publish, at a rate.

The source is read twice, so that a bad line at its end stops the run before its first order is sent.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Final, Protocol

from ops import lag
from ops.addresses import Addresses
from ops.institution import Institution
from ops.send import merchants
from ops.send.batch import EVENTS_PER_BATCH, pay, publish
from ops.send.draft import Item, MerchantDraft, UpstreamEvent
from ops.send.manifest import SENT, Manifest
from shared.messages import MerchantChanged, OrderPaid
from shared.publisher import Publisher

SLICES_PER_S: Final = 10
CATCH_UP_S: Final = 1.0
COPIES_WAIT_S: Final = 20.0
COPIES_POLL_S: Final = 0.3

Source = Callable[[], Iterable[Item]]
"""Opens the items to send; called twice, and must give the same both times."""

Seller = Callable[[str, str], MerchantDraft]
"""Makes the agreement of a merchant that the source names but does not define: marketplace, merchant."""


class Progress(Protocol):
    """Who is told how far it is."""

    def stage(self, text: str, total: int | None = None) -> None:
        """Say what is done now, and how many steps it has."""

    def advance(self, steps: int) -> None:
        """Say how many steps were done."""


@dataclass(slots=True)
class Survey:
    """What a source holds: the merchants it defines, those it names, how many orders, and how many steps of such."""

    orders: int = 0
    progress: int = 0
    drafts: dict[tuple[str, str], MerchantDraft] = field(default_factory=dict)
    named: set[tuple[str, str]] = field(default_factory=set)
    marketplaces: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a run did."""

    marketplaces: tuple[str, ...]
    orders: int
    progress: int
    merchants: int
    seconds: float


def survey(source: Source, limit: int | None, seller: Seller | None) -> Survey:
    """Read the whole source and return what it holds; its bad lines raise here."""
    found, beyond = Survey(), False
    for item in source():  # to the end, whatever the limit: no bad line may be found when half is sent
        if isinstance(item, MerchantDraft):
            found.drafts[item.marketplace, item.merchant] = item
            continue
        beyond = beyond or (isinstance(item, OrderPaid) and found.orders == limit)
        if beyond:
            continue
        found.marketplaces.add(item.marketplace)
        if isinstance(item, OrderPaid):
            found.orders += 1
            found.named.update((item.marketplace, line.merchant) for line in item.lines)
        else:
            found.progress += 1
    if seller is not None:
        for key in sorted(found.named - found.drafts.keys()):
            found.drafts[key] = seller(*key)
    return found


async def run(
    source: Source,
    addresses: Addresses,
    progress: Progress,
    *,
    rate: float | None = None,
    limit: int | None = None,
    seller: Seller | None = None,
    folder: Path = SENT,
) -> Sent:
    """Send everything in `source`, at most `rate` events a second; return what was sent.

    With a `limit`, what stands before the first order beyond it.

    Raises:
        MerchantError, InstitutionError, PublishError, KafkaUnreachableError: that part refused, or does not answer.

    """
    began = time.monotonic()
    progress.stage("reading")
    found = survey(source, limit, seller)
    progress.stage("agreeing with merchants", len(found.drafts))
    for drafts in batched(found.drafts.values(), merchants.MERCHANTS_PER_REQUEST):
        progress.advance(await merchants.ensure(addresses.found("merchant"), drafts))
    if found.drafts:
        await copied(addresses.found("kafka"))
    progress.stage("sending", found.orders + found.progress)
    manifest = Manifest(datetime.now(UTC), folder)
    publisher = Publisher(addresses.found("kafka"), "weir-send")
    pace = Pace(rate)
    try:
        async with Institution(addresses.found("institution")) as institution:
            for events in batched(_events(source, limit), EVENTS_PER_BATCH):
                await pay([it for it in events if isinstance(it, OrderPaid)], institution)
                for part in batched(events, pace.step):
                    await pace.wait(len(part))
                    await publish(part, manifest, publisher)
                    progress.advance(len(part))
    finally:
        manifest.close()
        await publisher.stop()
    marketplaces = tuple(sorted(found.marketplaces))
    return Sent(marketplaces, found.orders, found.progress, len(found.drafts), time.monotonic() - began)


def _events(source: Source, limit: int | None) -> Iterator[UpstreamEvent]:
    orders = 0
    for item in source():
        if isinstance(item, OrderPaid):
            if orders == limit:
                return
            orders += 1
        if not isinstance(item, MerchantDraft):
            yield item


async def copied(bootstrap: str) -> None:
    """Wait until payments and split have read the merchants, up to 20 s; later ones make orders wait, no more."""
    topic = MerchantChanged.topic
    wanted = {f"{service}.{topic}": topic for service in ("payments", "split")}
    deadline = time.monotonic() + COPIES_WAIT_S
    while time.monotonic() < deadline:
        if lag.drained(await lag.measure(bootstrap, wanted)):
            return
        await asyncio.sleep(COPIES_POLL_S)


class Pace:
    """Lets events through at a rate, in at most ten steps a second."""

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at the first event."""
        self._rate = rate
        self._clock = clock
        self._due: float | None = None
        self.step = EVENTS_PER_BATCH if rate is None else min(EVENTS_PER_BATCH, max(1, int(rate / SLICES_PER_S)))

    async def wait(self, events: int) -> None:
        """Return when the next `events` may go. Of time lost, up to a second is made up for."""
        if self._rate is None:
            return
        now = self._clock()
        due = now if self._due is None else max(self._due, now - CATCH_UP_S)
        self._due = due + events / self._rate
        await asyncio.sleep(max(0.0, due - now))
