"""One measured run: prepare, warm up, measure, drain, and read what happened."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
from tests.bench import generator, load, offsets, scrape, usage
from tests.bench.board import Board
from tests.bench.cluster import Cluster, Tell, python
from tests.bench.load import LEGS
from tests.bench.offsets import Offsets
from tests.bench.result import Result
from tests.bench.timeline import Settled, Timeline, latencies, window

from ops.demo import quantile

TOPIC_IN: Final = "order-paid"
TOPIC_OUT: Final = "payout-settled"
GROUPS: Final = ("split.payout-settled", "merchant.payout-settled")
"""An order is done when both have committed its payout-settled."""

LOOK_S: Final = 0.05
READY_TIMEOUT_S: Final = 120.0
DRAIN_TIMEOUT_S: Final = 90.0
GENERATOR: Final = "generator"
HARNESS: Final = "harness"


@dataclass(frozen=True, slots=True)
class Ask:
    """What to run: at a rate (open loop), or with at most `window` orders not done (closed loop); times in seconds.

    `first` is the number of its first order. In a closed loop `orders_max_per_s` are prepared for each second.
    """

    name: str
    seconds: float
    warmup_s: float
    rate: float | None = None
    window: int | None = None
    orders_max_per_s: float = 2_400.0
    legs: int = LEGS
    first: int = 0

    @property
    def count(self) -> int:
        """How many orders are prepared."""
        return int((self.rate or self.orders_max_per_s) * (self.warmup_s + self.seconds)) + (self.window or 0)


class OrdersExhaustedError(Exception):
    """A closed loop had no order left to send before its window ended."""


async def measure(cluster: Cluster, ask: Ask, tell: Tell) -> Result:
    """Run once.

    Raises:
        OrdersExhaustedError: prepare more orders a second.
        TimeoutError: it did not get ready, or did not drain: orders are lost, or the services stand.

    """
    path = cluster.folder / "board"
    board = Board.create(path)
    async with offsets.opened(cluster.urls["kafka"], TOPIC_OUT, GROUPS) as looks:
        plan = generator.Plan(
            bootstrap=cluster.urls["kafka"],
            topic=TOPIC_IN,
            board=str(path),
            partitions=len(looks.places),
            first=ask.first,
            count=ask.count,
            legs=ask.legs,
            rate=ask.rate,
            window=ask.window,
        )
        written = cluster.folder / "plan.json"
        written.write_bytes(msgspec.json.encode(plan))
        cluster.start(GENERATOR, python("tests.bench.generator", str(written)))
        try:
            tell(f"{ask.name}: paying {plan.count:,} orders")
            cluster.pids()
            await load.pay(cluster.urls["institution"], ask.first, plan.count, ask.legs)
            async with asyncio.timeout(READY_TIMEOUT_S):
                await board.until(lambda it: bool(it.get("ready")), LOOK_S)
            return await _Run(cluster, ask, board, looks).run(tell)
        finally:
            cluster.stop(GENERATOR)
            board.close()


class Moment(NamedTuple):
    """Everything that is read at one end of the window."""

    at: float
    cpu: usage.Cpu
    counted: scrape.Counted


class _Run:
    """The parts of one run that share its state."""

    def __init__(self, cluster: Cluster, ask: Ask, board: Board, looks: Offsets) -> None:
        self._cluster = cluster
        self._ask = ask
        self._board = board
        self._offsets = looks

    async def run(self, tell: Tell) -> Result:
        """Send, measure, drain, read."""
        ask, board = self._ask, self._board
        begin = await self._offsets.ends()
        line = Timeline(begin)
        looking = asyncio.create_task(self._look(line, begin))
        try:
            tell(f"{ask.name}: warming up for {ask.warmup_s:g} s, then measuring for {ask.seconds:g} s")
            board.put("go", 1)
            await asyncio.sleep(ask.warmup_s)
            before = self._moment()
            await asyncio.sleep(ask.seconds)
            after = self._moment()
            memory = usage.memory(self._pids())
            exhausted = ask.rate is None and board.get("published") >= ask.count
            board.put("stop", 1)
            tell(f"{ask.name}: draining")
            await self._drained(looking, line)
        finally:
            looking.cancel()
        if exhausted:
            message = f"all {ask.count:,} orders were sent before the window ended"
            raise OrdersExhaustedError(message)
        settled = await self._offsets.read(begin, await self._offsets.ends())
        return self._result(line, settled, (before, after), memory)

    def _pids(self) -> dict[str, int]:
        return {**self._cluster.pids(), HARNESS: os.getpid()}

    def _moment(self) -> Moment:
        counted = self._cluster.counted()
        return Moment(time.time(), usage.cpu(self._pids()), counted)

    async def _look(self, line: Timeline, begin: Sequence[int]) -> None:
        """Look every 50 ms, for ever."""
        while True:
            committed = await self._offsets.committed(begin)
            at = time.time()
            self._board.put("completed", line.look(at, committed, self._board.get("published")))
            await asyncio.sleep(LOOK_S)

    async def _drained(self, looking: "asyncio.Task[None]", line: Timeline) -> None:
        """Wait until every order is done; the generator may be publishing its last ones."""
        await asyncio.sleep(LOOK_S * 10)

        def done(board: Board) -> bool:
            if looking.done():
                looking.result()
            return line.completed[-1] >= board.get("published")

        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await self._board.until(done, LOOK_S)

    def _result(
        self, line: Timeline, settled: list[Settled], ends: tuple[Moment, Moment], memory: dict[str, usage.Memory]
    ) -> Result:
        ask, (before, after) = self._ask, ends
        found = window(line, before.at, after.at)
        waited = latencies(line, settled, before.at, after.at)
        spent = usage.spent(before.cpu, after.cpu)
        orders = {it.order for it in settled}
        return Result(
            name=ask.name,
            side=self._cluster.side,
            rate=ask.rate,
            window=ask.window,
            legs=ask.legs,
            stored=line.completed[line.place(before.at)],
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
            cores=round(spent.cores, 2),
            elsewhere_cores=round(spent.elsewhere_cores, 2),
            memory_mib=memory,
            batches=scrape.batches(before.counted, after.counted),
            taken=scrape.taken(before.counted, after.counted),
            transactions=scrape.in_all(scrape.TRANSACTIONS, before.counted, after.counted),
            transaction_retries=scrape.in_all(scrape.RETRIES, before.counted, after.counted),
            published=self._board.get("published"),
            settled=len(orders),
            repeated=len(settled) - len(orders),
        )
