"""One measured run: prepare, warm up, measure, drain, read what happened, audit."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from tests.bench import auditing, generator, load, offsets, scrape, usage
from tests.bench.board import Board
from tests.bench.cluster import ROOT, Cluster, Tell, python
from tests.bench.load import LEGS
from tests.bench.offsets import Offsets
from tests.bench.timeline import Settled, Timeline, Window, latencies, window

from ops import lag
from ops.demo import quantile
from shared.topics import Topics

LOOK_S: Final = 0.05
READY_TIMEOUT_S: Final = 120.0
DRAIN_TIMEOUT_S: Final = 90.0
GENERATOR: Final = "generator"
HARNESS: Final = "harness"


@dataclass(frozen=True, slots=True)
class Side:
    """What is measured: Weir, or the floor. Where its orders go in and come out."""

    name: str
    topic_in: str
    topic_out: str
    groups: tuple[str, ...]
    audited: bool


WEIR: Final = Side("weir", "order-paid", "payout-settled", ("split.payout-settled", "merchant.payout-settled"), True)  # noqa: FBT003 - named above


@dataclass(frozen=True, slots=True)
class Ask:
    """What to run: at a rate (open loop), or with at most `window` orders not done (closed loop), in orders and s."""

    name: str
    seconds: float
    warmup_s: float
    rate: float | None = None
    window: int | None = None
    orders_max_per_s: float = 2_400.0
    """In a closed loop so many orders are paid and encoded beforehand for each second."""
    legs: int = LEGS
    first: int = 0

    @property
    def count(self) -> int:
        """How many orders are prepared."""
        return int((self.rate or self.orders_max_per_s) * (self.warmup_s + self.seconds)) + (self.window or 0)


@dataclass(slots=True)
class Result:
    """What one run showed. `cpu_us` and `cores` are of the window; `elsewhere_cores` is what others used meanwhile."""

    name: str
    side: str
    rate: float | None
    window: int | None
    legs: int
    seconds: float
    offered: int
    completed: int
    per_s: float
    p50_s: float
    p99_s: float
    max_s: float
    sustained: bool | None
    backlog_grew: float
    cpu_us: dict[str, float]
    cores: float
    elsewhere_cores: float
    memory_mib: dict[str, tuple[int, int]]
    batches: dict[str, float]
    transactions: int
    transaction_retries: int
    published: int
    settled: int
    repeated: int
    lag_end: int
    audit: dict[str, Any] = field(default_factory=dict)

    @property
    def cpu_total_us(self) -> float:
        """CPU time an order took in all, generator and harness included."""
        return sum(self.cpu_us.values())


async def measure(cluster: Cluster, side: Side, ask: Ask, tell: Tell) -> Result:
    """Run once.

    Raises:
        TimeoutError: it did not get ready, or did not drain: orders are lost or the services stand.

    """
    path = cluster.folder / "board"
    board = Board.create(path)
    async with offsets.opened(cluster.urls["kafka"], side.topic_out, side.groups) as looks:
        plan = generator.Plan(
            bootstrap=cluster.urls["kafka"],
            topic=side.topic_in,
            board=str(path),
            partitions=len(looks.places),
            **{name: getattr(ask, name) for name in ("first", "count", "legs", "rate", "window")},
        )
        written = cluster.folder / "plan.json"
        written.write_bytes(msgspec.json.encode(plan))
        cluster.start(GENERATOR, python("tests.bench.generator", str(written)))
        try:
            tell(f"{ask.name}: paying {plan.count:,} orders")
            await load.pay(cluster.urls["institution"], ask.first, plan.count, ask.legs)
            async with asyncio.timeout(READY_TIMEOUT_S):
                await board.until(lambda it: bool(it.get("ready")), LOOK_S)
            return await _Run(cluster, side, ask, board, looks).run(tell)
        finally:
            cluster.stop(GENERATOR)
            board.close()


class _Run:
    """The parts of one run that share its state."""

    def __init__(self, cluster: Cluster, side: Side, ask: Ask, board: Board, looks: Offsets) -> None:
        self._cluster = cluster
        self._side = side
        self._ask = ask
        self._board = board
        self._offsets = looks

    async def run(self, tell: Tell) -> Result:
        ask, board = self._ask, self._board
        begin = await self._offsets.ends()
        line = Timeline(begin)
        looking = asyncio.create_task(self._look(line, begin))
        try:
            tell(f"{ask.name}: warming up for {ask.warmup_s:.0f} s, then measuring for {ask.seconds:.0f} s")
            board.put("go", 1)
            await asyncio.sleep(ask.warmup_s)
            pids = {**self._cluster.pids(), HARNESS: os.getpid()}
            counted, used, since = self._scrape(), usage.cpu(pids), time.time()
            await asyncio.sleep(ask.seconds)
            until, spent, counts = time.time(), usage.cpu(pids), self._scrape()
            self._cluster.pids()
            memory = usage.memory(pids)
            ran_out = ask.rate is None and board.get("published") >= ask.count
            board.put("stop", 1)
            tell(f"{ask.name}: draining")
            await self._drained(looking, line)
        finally:
            looking.cancel()
        if ran_out:
            message = f"all {ask.count} orders were sent before the window ended; raise orders_max_per_s"
            raise RuntimeError(message)
        settled = await self._offsets.read(begin, await self._offsets.ends())
        found = window(line, since, until)
        result = self._result(found, latencies(line, settled, since, until), settled, _spent(used, spent))
        result.memory_mib = {name: (it.now_mib, it.peak_mib) for name, it in memory.items()}
        result.batches = {topic: round(it, 1) for topic, it in scrape.batches(counted, counts).items()}
        result.transactions = int(scrape.grown("weir_transaction_seconds_count", counted, counts))
        result.transaction_retries = int(scrape.grown("weir_transaction_retries_total", counted, counts))
        if self._side.audited:
            tell(f"{ask.name}: auditing")
            result.lag_end = await self._at_rest()
            result.audit = await auditing.audit(self._cluster, range(ask.first + result.published))
        return result

    async def _look(self, line: Timeline, begin: Sequence[int]) -> None:
        """Look every 50 ms, for ever."""
        while True:
            committed = await self._offsets.committed(begin)
            at = time.time()
            self._board.put("completed", line.look(at, committed, self._board.get("published")))
            await asyncio.sleep(LOOK_S)

    async def _drained(self, looking: "asyncio.Task[None]", line: Timeline) -> None:
        """Wait until every order is done; the generator may be publishing its last chunk."""
        await asyncio.sleep(LOOK_S * 10)

        def done(board: Board) -> bool:
            if looking.done():
                looking.result()
            return line.completed[-1] >= board.get("published")

        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await self._board.until(done, LOOK_S)

    async def _at_rest(self) -> int:
        """Wait until no consumer is behind; return the records that still are."""
        topics = Topics.load(ROOT / "deploy" / "topics.yaml")
        deadline = time.monotonic() + DRAIN_TIMEOUT_S
        while True:
            behind = await lag.measure(self._cluster.urls["kafka"], lag.groups(topics))
            if lag.drained(behind) or time.monotonic() > deadline:
                return sum(it.records for it in behind)
            await asyncio.sleep(LOOK_S * 10)

    def _scrape(self) -> scrape.Counts:
        return scrape.scrape(self._cluster.replicas.values())

    def _result(self, found: Window, waited: list[float], settled: list[Settled], spent: "_Spent") -> Result:
        ask, orders = self._ask, {it.order for it in settled}
        return Result(
            name=ask.name,
            side=self._side.name,
            rate=ask.rate,
            window=ask.window,
            legs=ask.legs,
            seconds=round(found.seconds, 2),
            offered=found.offered,
            completed=found.completed,
            per_s=round(found.per_s, 1),
            p50_s=round(quantile(waited, 0.50), 3),
            p99_s=round(quantile(waited, 0.99), 3),
            max_s=round(waited[-1], 3) if waited else 0.0,
            sustained=found.sustained(ask.rate) if ask.rate else None,
            backlog_grew=round(found.backlog_grew, 1),
            cpu_us={name: round(it / max(1, found.completed) * 1e6, 1) for name, it in spent.by_process.items()},
            cores=round(sum(spent.by_process.values()) / spent.seconds, 2),
            elsewhere_cores=round((spent.machine - sum(spent.by_process.values())) / spent.seconds, 2),
            memory_mib={},
            batches={},
            transactions=0,
            transaction_retries=0,
            published=self._board.get("published"),
            settled=len(orders),
            repeated=len(settled) - len(orders),
            lag_end=0,
        )


@dataclass(frozen=True, slots=True)
class _Spent:
    seconds: float
    by_process: dict[str, float]
    machine: float


def _spent(before: usage.Cpu, after: usage.Cpu) -> _Spent:
    by_process = {name: after.by_process[name] - used for name, used in before.by_process.items()}
    return _Spent(after.at - before.at, by_process, after.machine - before.machine)
