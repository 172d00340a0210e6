"""One chaos run from its first process to its verdict: start, load and faults together, drain, audit, compare."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from pymongo.errors import PyMongoError
from tests.chaos import orders, verdict
from tests.chaos.faults import Player
from tests.chaos.load import Load
from tests.chaos.parts import Parts
from tests.chaos.plan import Round, Shape, plan
from tests.chaos.report import Result, total
from tests.chaos.verdict import quantile
from tests.chaos.watch import Watch
from tests.infra.local import ROOT

from ops.places import Tally
from ops.send import merchants
from ops.send.run import copied
from ops.stores import Stores, opened

DRAIN_S_MAX: Final = 240.0
PROGRESS_S_MAX: Final = 1.0
SHOWN: Final = 10

Tell = Callable[[str], None]


class Storm(NamedTuple):
    """What a run is made of; it has more orders where a slow machine makes it longer."""

    seed: int
    shape: Shape
    orders: int


class Outcome(NamedTuple):
    """What a run has come to. `problems` is empty after a good one."""

    result: Result
    problems: list[str]


async def run(storm: Storm, folder: Path, tell: Tell) -> Outcome:
    """Run everything; whatever happens, nothing that was started stays."""
    # The audit is run here as in a clone: it wants the topics, and the manifest of what was sent.
    (folder / "deploy").symlink_to(ROOT / "deploy")
    parts = Parts(folder)
    try:
        return await _Run(storm, parts, tell).whole()
    finally:
        parts.down()


class _Run:
    def __init__(self, storm: Storm, parts: Parts, tell: Tell) -> None:
        self._rounds = plan(storm.seed, storm.shape)
        self._storm = storm
        self._parts = parts
        self._tell = tell
        last = self._rounds[-1]
        self._load = Load(parts.urls, storm.orders, storm.orders / (last.at_s + last.length_s), parts.folder)
        self._watch = Watch(parts, tell)
        self._shown = set[asyncio.Task[None]]()
        self._start = time.monotonic()
        self._began_at: dict[int, float] = {}

    async def whole(self) -> Outcome:
        """Run from start to verdict."""
        kills = sum(it.kills.total() for it in self._rounds)
        self._tell(
            f"WEIR_CHAOS_SEED={self._storm.seed}: {self._storm.orders:,} orders, {self._load.rate:,.0f} a second, "
            f"{len(self._rounds)} rounds, {kills} kills"
        )
        await self._parts.up()
        await merchants.ensure(self._parts.urls["merchant"], orders.merchants())
        await copied(self._parts.urls["kafka"])
        self._start = time.monotonic()
        async with opened(self._parts.urls["mongo"]) as stores:
            await self._endure(stores)
            return await self._judge(stores)

    async def _endure(self, stores: Stores) -> None:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch.run())
            loading = group.create_task(self._load.run())
            await Player(self._parts, lambda it: self._began(it, stores)).play(self._rounds)
            self._load.end()
            await loading
            watching.cancel()
        await self._parts.ready()

    def _began(self, it: Round, stores: Stores) -> None:
        self._began_at[it.number] = time.monotonic() - self._start
        task = asyncio.get_running_loop().create_task(self._show(it, stores))
        self._shown.add(task)
        task.add_done_callback(self._shown.discard)

    async def _show(self, it: Round, stores: Stores) -> None:
        settled = "?"
        with suppress(PyMongoError, TimeoutError):  # MongoDB may be what is away
            async with asyncio.timeout(PROGRESS_S_MAX):
                settled = f"{await verdict.settled_so_far(stores):,}"
        kills = ", ".join(f"{part} twice" if times > 1 else part for part, times in it.kills.items())
        self._tell(
            f"{self._began_at[it.number]:5.0f} s  {it.number}/{len(self._rounds)}: {it.fault}; "
            f"to be killed: {kills or 'nobody'}; {self._load.sent:,} sent, {settled} settled"
        )

    async def _judge(self, stores: Stores) -> Outcome:
        began, urls = time.monotonic(), self._parts.urls
        tally = await verdict.drained(stores, urls["kafka"], self._load.count, DRAIN_S_MAX)
        drained = time.monotonic()
        self._tell(f"drained in {drained - began:.0f} s, {tally.of('settled'):,} settled; audit")
        audit = await verdict.audited(urls | {"mongo": self._parts.audit_url()}, self._parts.folder)
        audited = time.monotonic()
        found, wrong = await verdict.moved(urls["institution"])
        missing, too_many = orders.compare(orders.wanted(range(self._load.count)), found)
        copies = await stores.aftersale.orders.count_documents({})
        waits = await verdict.waits(stores, self._load)
        slowest = max(range(len(waits)), key=waits.__getitem__)
        result = Result(
            seed=self._storm.seed,
            rounds=len(self._rounds),
            cores=os.cpu_count() or 0,
            load_s=round(self._load.count / self._load.rate, 1),
            orders_per_s=round(self._load.rate, 1),
            kills=total(it.kills for it in self._rounds),
            faults=total(Counter([it.fault]) for it in self._rounds),
            orders=self._load.count,
            sent_twice=self._load.repeated,
            sent_by_http=self._load.posted,
            settled=tally.of("settled"),
            lost=audit["lost"],
            duplicated=audit["duplicated"],
            imbalance_minor=audit["imbalance_minor"],
            breaches=len(audit["breaches"]),
            institution_missing=len(missing),
            institution_too_many=len(too_many),
            p50_s=round(quantile(waits, 0.5), 2),
            p99_s=round(quantile(waits, 0.99), 2),
            slowest_s=round(waits[slowest], 2),
            slowest_fault=self._during(slowest).fault,
            drained_in_s=round(drained - began, 1),
            audited_in_s=round(audited - drained, 1),
        )
        problems = self._problems(tally, audit, {"lost": missing, "too many": too_many, "wrong": wrong})
        if copies != self._load.count:
            problems.append(f"aftersale has copies of {copies} orders, not of {self._load.count}")
        return Outcome(result, problems)

    def _during(self, number: int) -> Round:
        due_s = number / self._load.rate
        return next((it for it in reversed(self._rounds) if self._began_at[it.number] <= due_s), self._rounds[0])

    def _problems(self, tally: Tally, audit: dict[str, Any], institution: dict[str, list[str]]) -> list[str]:
        """Return all that is not as it must be, in words."""
        found = [*self._watch.complaints, *(f"{it} did not stop when told to" for it in self._parts.stubborn)]
        if tally.of("settled") != tally.orders:
            found.append(f"not settled: {tally.answer()} {tally.reasons()}")
        zero = ("held", "waiting", "rejected", "dlq", "parked", "lost", "duplicated", "imbalance_minor")
        wanted = {"orders": tally.orders, "settled": tally.orders, "breaches": []} | dict.fromkeys(zero, 0)
        found.extend(f"audit: {name} is {audit[name]}"[:2_000] for name, it in wanted.items() if audit[name] != it)
        found.extend(
            f"{len(lines)} {what} at the institution: {'; '.join(lines[:SHOWN])}"
            for what, lines in institution.items()
            if lines
        )
        return found
