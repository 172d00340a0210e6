"""The ledger alone: transactions of six entries, 350 to a unit of work, as split books them, on a mongod of its own.

Two writers stand for split's two consumers that book, each with its stripe. Nothing else of Weir runs: no Kafka, no
orders; but blocks, balances, links and heads are written by split's own code, in the transactions of the kit.
"""

import asyncio
import os
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from bson.raw_bson import RawBSONDocument
from tests.bench import usage
from tests.bench.cluster import ROOT, Tell
from tests.bench.result import LEDGER, TRANSACTION, Result

from ops.audit.findings import Breach, Findings
from ops.audit.laws import ledger as laws
from ops.audit.laws.ledger import Chain, Head
from ops.audit.rows import Derived, Hashed, Kept, Listed
from ops.audit.shapes import READ
from ops.audit.shapes import ledger as shapes
from ops.demo import quantile
from ops.runtime import mongod, ports, process
from shared import mongo, outbox
from shared.commits import Commits
from shared.metrics import KitMetrics
from shared.mongo import Database
from shared.outbox import Outgoing
from shared.work import Work
from split import store
from split.domain.orders import Order
from split.store.books import Books

ENTRIES: Final = 6
TRANSACTIONS_PER_UNIT: Final = 350
MERCHANTS: Final = 3_000
PREPARED: Final = 50_000
"""Different transactions, made before the clock runs and booked again and again."""

STRIPES: Final = ("split.split-requested#0", "split.payout-settled#0")
MARKETPLACE: Final = "bench"
CURRENCY: Final = "BRL"


class Prepared(NamedTuple):
    """A transaction to book."""

    order: Order
    entries: dict[str, int]


class Unheard:
    """Stands for Kafka: nothing is published."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Publish nothing."""


@dataclass
class Course:
    """What was committed when, and how long each unit took."""

    units: int = 0
    took_s: list[float] = field(default_factory=list)
    enough: bool = False


def prepared(count: int = PREPARED) -> list[Prepared]:
    """Return transactions of six accounts each: a pool, the commission and four of the merchants."""
    draw = random.Random(1)
    return [_prepared(draw, number) for number in range(count)]


def _prepared(draw: random.Random, number: int) -> Prepared:
    merchants = draw.sample(range(MERCHANTS), ENTRIES - 2)
    entries = {f"merchant:in_transit/seller-{it:05}": draw.randrange(1, 100_000) for it in merchants}
    entries["platform:commission"] = draw.randrange(1, 10_000)
    entries[f"channel:clearing/{MARKETPLACE}"] = -sum(entries.values())
    order = Order(
        marketplace=MARKETPLACE,
        order_id=f"order-{number:08}",
        currency=CURRENCY,
        channel_profile="sandbox-direct",
        channel_account=MARKETPLACE,
    )
    return Prepared(order, entries)


def measure(seconds: float, warmup_s: float, tell: Tell) -> Result:
    """Book as much as goes for so long; then prove what was booked."""
    with _server(tell) as (url, pid):
        return asyncio.run(_measured(url, pid, (warmup_s, seconds), tell))


@contextmanager
def _server(tell: Tell) -> Iterator[tuple[str, int]]:
    """Run a mongod; yield its URL and process."""
    folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
    tell("starting MongoDB")
    port = ports.choose(("mongo",))["mongo"]
    command = mongod.command(mongod.program(), folder / "mongo", port, cache_gb=None)
    log = folder / "mongo.log"
    started = process.start(command, log=log, cwd=ROOT, env={}, tied=True)
    try:
        mongod.wait(started, log, port)
        yield mongod.url(port), started.pid
    finally:
        tell("stopping")
        process.stop([started], mongod.STOP_GRACE_S)
        shutil.rmtree(folder, ignore_errors=True)


async def _measured(url: str, pid: int, times: tuple[float, float], tell: Tell) -> Result:
    client = mongo.connect(url)
    database, kit, course = client["split"], KitMetrics(), Course()
    await mongo.prepare(database, {**store.INDEXES, **outbox.INDEXES})
    commits = Commits("split", client, database, Unheard(), kit)  # type: ignore[arg-type] # nothing is published
    some = prepared()
    pids = {"split": os.getpid(), "mongo": pid}
    writers = [
        asyncio.create_task(_write(database, commits, stripe, some[place::2], course))
        for place, stripe in enumerate(STRIPES)
    ]
    warmup_s, seconds = times
    tell(f"{LEDGER}: warming up for {warmup_s:g} s, then measuring for {seconds:g} s")
    await asyncio.sleep(warmup_s)
    before, units, first = usage.cpu(pids), course.units, len(course.took_s)
    began = time.monotonic()
    await asyncio.sleep(seconds)
    booked, took = course.units - units, sorted(course.took_s[first:])
    ran, after = time.monotonic() - began, usage.cpu(pids)
    memory = usage.memory(pids)
    course.enough = True
    await asyncio.gather(*writers)
    tell(f"{LEDGER}: proving what was booked")
    audit = await proved(database, course.units * TRANSACTIONS_PER_UNIT)
    await mongo.close(client)
    spent, done = usage.spent(before, after), booked * TRANSACTIONS_PER_UNIT
    return Result(
        name=LEDGER,
        side="weir",
        unit=TRANSACTION,
        rate=None,
        window=len(STRIPES) * TRANSACTIONS_PER_UNIT,
        legs=ENTRIES,
        stored=units * TRANSACTIONS_PER_UNIT,
        seconds=round(ran, 2),
        offered=done,
        completed=done,
        per_s=round(done / ran, 1),
        p50_s=round(quantile(took, 0.50), 4),
        p99_s=round(quantile(took, 0.99), 4),
        max_s=round(took[-1], 4) if took else 0.0,
        sustained=None,
        backlog_grew=0.0,
        cpu_us={name: round(it / max(1, done) * 1e6, 1) for name, it in spent.by_process.items()},
        cores=round(spent.cores, 2),
        elsewhere_cores=round(spent.elsewhere_cores, 2),
        memory_mib=memory,
        batches={stripe.partition("#")[0]: float(TRANSACTIONS_PER_UNIT) for stripe in STRIPES},
        taken={},
        transactions=booked,
        transaction_retries=int(kit.registry.get_sample_value("weir_transaction_retries_total") or 0),
        published=course.units * TRANSACTIONS_PER_UNIT,
        settled=course.units * TRANSACTIONS_PER_UNIT,
        repeated=0,
        audit=audit,
    )


async def _write(database: Database, commits: Commits, stripe: str, some: Sequence[Prepared], course: Course) -> None:
    """Book unit after unit on one stripe, until it is enough."""
    group, place = stripe.partition("#")[0], 0
    while not course.enough:
        unit = [some[(place + number) % len(some)] for number in range(TRANSACTIONS_PER_UNIT)]
        place += TRANSACTIONS_PER_UNIT
        began = time.monotonic()
        await commits.commit(booking(database, unit), stripe=stripe, group=group)
        course.took_s.append(time.monotonic() - began)
        course.units += 1


def booking(database: Database, unit: Sequence[Prepared]) -> Callable[[Work], Awaitable[None]]:
    """Return what books these transactions in one unit of work."""

    async def decide(work: Work) -> None:
        books = await Books.opened(database, work, lambda _: None)
        for it in unit:
            books.post(it.order, "split", it.entries, "0e8a4b1c-5f55-5d3b-9d24-6a0a0d5a1c11")
        books.close()

    return decide


async def proved(database: Database, booked: int) -> dict[str, int]:
    """Return what the audit's own laws of the ledger find in all that was booked."""
    findings, there = Findings(), 0
    stored, listed = list[Hashed](), list[Listed]()
    derived: dict[str, int] = {}
    raw = database.with_options(codec_options=READ.with_options(document_class=RawBSONDocument))
    async for document in raw["blocks"].find(batch_size=shapes.BLOCKS_PER_FETCH):
        block = shapes.BLOCKS.take_exactly(document)
        if isinstance(block, Breach):
            findings.take(block)
            continue
        content = block.content()
        laws.judge_block(block, content, findings)
        there += len(block.transactions)
        stored.append(Hashed(block.id, content))
        for name, amount in block.moved():
            derived[name] = derived.get(name, 0) + amount
    chain, heads = Chain(findings), dict[str, Head]()
    async for document in raw["heads"].find():
        head = shapes.HEADS.take_exactly(document)
        assert not isinstance(head, Breach)
        heads[head.id] = Head(head.seq, head.hash)
    async for document in raw["links"].find():
        link = shapes.LINKS.take_exactly(document)
        assert not isinstance(link, Breach)
        chain.add(link)
        listed += [Listed(it.id, it.hash, new=False) for it in link.blocks]
    chain.walk(heads, heads)
    laws.compare_listed([stored, listed], findings, whole=True)
    kept = await _kept(database)
    laws.compare_balances([kept, [Derived(name, amount) for name, amount in derived.items()]], findings)
    if there != booked:
        findings.add("chain_whole", "all", f"{there} transactions are there, {booked} were booked")
    return {"transactions": there, "imbalance_minor": findings.imbalance_minor, "breaches_total": findings.total}


async def _kept(database: Database) -> list[Kept]:
    found: list[Kept] = []
    raw = database.with_options(codec_options=READ.with_options(document_class=RawBSONDocument))
    async for document in raw["balances"].find():
        held = shapes.BALANCES.take_exactly(document)
        assert not isinstance(held, Breach)
        found += [Kept(it.name, it.amount_minor) for it in held.kept()]
    return found
