"""One channel account beside another whose institution times out: how long orders of the first take, before and while.

Both get the same rate of orders. The time of an order is from its order-paid, as its publisher says, to its first
payout-settled, by the broker's clock. Afterwards the institution answers again, everything is settled, and audited.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from tests.bench import auditing, load, usage
from tests.bench.cluster import Cluster, Tell
from tests.bench.generator import SOURCE
from tests.bench.result import BESIDE, BESIDE_SILENT, Result

from ops.demo import quantile
from shared.envelope import headers_of
from shared.messages import encode

SILENT: Final = "test-silent"
"""The marketplace, and the channel account, whose institution will not answer."""
MARKETPLACES: Final = (load.MARKETPLACE, SILENT)
RATE: Final = 60.0
"""Orders a second, of each."""
STEP_S: Final = 0.05
SILENCE_S: Final = 60
"""How long the institution takes to answer: longer than payments waits (PAYMENTS_INSTITUTION_TIMEOUT_S, 10 s)."""
DRAIN_S: Final = 180.0
LATE_S: Final = 2.0
"""After a window, for its last orders to be settled in."""
POLL_MS: Final = 100
TOPIC_IN: Final = "order-paid"
TOPIC_OUT: Final = "payout-settled"


class Order(NamedTuple):
    """When an order was published, and how many seconds later its first payout was settled."""

    published_at: float
    took_s: float


@dataclass
class Seen:
    """The first payout-settled of each order, by marketplace."""

    orders: dict[str, dict[str, Order]] = field(default_factory=lambda: {it: {} for it in MARKETPLACES})

    def note(self, record: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        """Note a payout-settled."""
        marketplace, _, order_id = record.key.decode().partition("/")
        if order_id not in self.orders[marketplace]:
            (said,) = [value for name, value in record.headers if name == "ce_origintime"]
            published_at = datetime.fromisoformat(said.decode()).timestamp()
            self.orders[marketplace][order_id] = Order(published_at, record.timestamp / 1_000 - published_at)

    def took_s(self, since: float, until: float) -> list[float]:
        """Return, sorted, the times of the orders of the other channel that were published in this window."""
        found = self.orders[load.MARKETPLACE].values()
        return sorted(it.took_s for it in found if since <= it.published_at < until)


def measure(cluster: Cluster, seconds: float, warmup_s: float, tell: Tell) -> list[Result]:
    """Measure the one channel while the other answers, then while it times out."""
    return asyncio.run(_measured(cluster, seconds, warmup_s, tell))


async def _measured(cluster: Cluster, seconds: float, warmup_s: float, tell: Tell) -> list[Result]:
    count = int(RATE * (warmup_s + 2 * (seconds + LATE_S + 1)))
    tell(f"agreeing with {load.MERCHANTS:,} merchants in two marketplaces")
    await load.agree(cluster.urls["merchant"], cluster.urls["kafka"], *MARKETPLACES)
    for marketplace in MARKETPLACES:
        await load.pay(cluster.urls["institution"], 0, count, marketplace=marketplace)
    seen, results = Seen(), list[Result]()
    consumer = AIOKafkaConsumer(TOPIC_OUT, bootstrap_servers=cluster.urls["kafka"], auto_offset_reset="earliest")
    producer = AIOKafkaProducer(bootstrap_servers=cluster.urls["kafka"], acks="all", enable_idempotence=True)
    async with consumer, producer:
        reading = asyncio.create_task(_read(consumer, seen))
        publishing = asyncio.create_task(_publish(producer, count))
        try:
            await asyncio.sleep(warmup_s)
            for name, latency_s in ((BESIDE, 0), (BESIDE_SILENT, SILENCE_S)):
                await _slow_down(cluster, latency_s)
                tell(f"{name}: measuring for {seconds:g} s")
                results.append(await _window(cluster, name, seconds, seen))
            await _slow_down(cluster, 0)
            tell("draining")
            await publishing
            async with asyncio.timeout(DRAIN_S):
                await _until(lambda: all(len(it) == count for it in seen.orders.values()))
        finally:
            for task in (reading, publishing):
                task.cancel()
            await asyncio.gather(reading, publishing, return_exceptions=True)
    last = results[-1]
    last.lag_end = await auditing.at_rest(cluster)
    last.audit = await asyncio.to_thread(auditing.audit, cluster, range(count), SILENT)
    return results


async def _window(cluster: Cluster, name: str, seconds: float, seen: Seen) -> Result:
    """Measure one window; its last orders get a little time to be settled in."""
    began, before = time.time(), usage.cpu(cluster.pids())
    await asyncio.sleep(seconds)
    ended, after = time.time(), usage.cpu(cluster.pids())
    await asyncio.sleep(LATE_S)
    took, offered = seen.took_s(began, ended), int(RATE * seconds)
    spent = usage.spent(before, after)
    return Result(
        name=name,
        side="weir",
        rate=RATE,
        window=None,
        legs=load.LEGS,
        stored=0,
        seconds=round(ended - began, 2),
        offered=offered,
        completed=len(took),
        per_s=round(len(took) / seconds, 1),
        p50_s=round(quantile(took, 0.50), 3),
        p99_s=round(quantile(took, 0.99), 3),
        max_s=round(took[-1], 3) if took else 0.0,
        sustained=len(took) >= 0.98 * offered,
        backlog_grew=0.0,
        cpu_us={part: round(it / max(1, offered) * 1e6, 1) for part, it in spent.by_process.items()},
        cores=round(spent.cores, 2),
        elsewhere_cores=round(spent.elsewhere_cores, 2),
        memory_mib=usage.memory(cluster.pids()),
        batches={},
        taken={},
        transactions=0,
        transaction_retries=0,
        published=offered,
        settled=len(took),
        repeated=0,
    )


async def _read(consumer: Any, seen: Seen) -> None:  # noqa: ANN401 - aiokafka is untyped
    while True:
        for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
            for record in records:
                seen.note(record)


async def _publish(producer: Any, count: int) -> None:  # noqa: ANN401 - aiokafka is untyped
    """Publish the same number of orders of both marketplaces, at the rate."""
    began, published = time.monotonic(), 0
    while published < count:
        due, sent = min(count, int((time.monotonic() - began) * RATE)), []
        for number in range(published, due):
            for marketplace in MARKETPLACES:
                event, now = load.order(number, marketplace=marketplace), datetime.now(UTC)
                headers = headers_of(event, SOURCE, now, now)
                sent.append(await producer.send(TOPIC_IN, encode(event), event.key.encode(), headers=headers))
        await asyncio.gather(*sent)
        published = due
        await asyncio.sleep(STEP_S)


async def _slow_down(cluster: Cluster, latency_s: int) -> None:
    """Have the institution take so long to answer for the one account; with 0 as ever."""
    url = f"{cluster.urls['institution']}/v1/accounts/{SILENT}/faults"
    async with httpx.AsyncClient() as client:
        answer = await (client.put(url, json={"latency_s": latency_s}) if latency_s else client.delete(url))
        answer.raise_for_status()


async def _until(reached: Callable[[], bool]) -> None:
    while not reached():  # noqa: ASYNC110 - a reader fills it
        await asyncio.sleep(STEP_S)
