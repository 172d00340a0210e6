"""A whole audit: read what the institution has, then the stores, join them part by part, look again at what is odd.

The stores are read while they are written. What an order lacks or contradicts is therefore no finding yet: it is looked
at again, in a snapshot that lasts a second (docs/decisions/0014).
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from ops.audit import flight, outside, tasks
from ops.audit.findings import Breach, Findings
from ops.audit.flight import Flight
from ops.audit.laws import record
from ops.audit.laws.guards import Guarded
from ops.audit.laws.ledger import Head
from ops.audit.laws.record import Sums
from ops.audit.lookagain import SecondLook
from ops.audit.rows import Kept
from ops.audit.shapes import READ, Source, ledger, parks, split
from ops.audit.shuffle import Parts, Writer
from ops.audit.tasks import Job, Outcome
from ops.audit.usage import Usage, measured
from ops.audit.waits import Tally
from ops.institution import Institution
from ops.send import manifest
from ops.settled import Look
from ops.stores import Stores, prefixed
from shared.mongo import Session

ORDERS_IN_ONE_PROCESS: Final = 10_000
"""Up to so many, further processes cost more than they bring."""

PROCESSES_MAX: Final = 4
SHARES: Final = 4 * PROCESSES_MAX
"""Into so many the parts are divided. Some for each process, since who is done first takes another; few in all, since a
step writes files for each share that it is given."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit answers."""

    tally: Tally
    findings: Findings
    lost: int
    flights: list[Flight]
    unclaimed: Sums
    at_ms: int
    usage: Usage

    @property
    def at_rest(self) -> bool:
        """Whether nothing was under way inside Weir when it began."""
        return not self.flights

    def answer(self) -> dict[str, object]:
        """Return what `--json` says."""
        return {
            **self.tally.places.answer(),
            "lost": self.lost,
            "duplicated": self.findings.duplicated,
            "imbalance_minor": self.findings.imbalance_minor,
            "at_rest": self.at_rest,
            "in_flight": [asdict(it) for it in self.flights],
            "waits": self.tally.answer(self.at_ms),
            "reasons": self.tally.places.reasons(),
            "unclaimed": [
                {"account": account, "currency": currency, "amount_minor": amount}
                for (account, currency), amount in sorted(self.unclaimed.items())
            ],
            "seconds": round(self.usage.seconds, 1),
            "peak_mib": self.usage.peak_mib,
            "breaches_total": self.findings.total,
            "breaches": self.findings.answer(),
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited: one marketplace or all, the consumer groups, and where the lists of what was sent are.

    `processes`: how many to work with; None: as many as the number of orders is worth.
    """

    marketplace: str | None
    groups: dict[str, str]
    sent: Path = manifest.SENT
    processes: int | None = None


async def run(look: Look, institution: Institution, scope: Scope, tell: Callable[[str], None]) -> Report:
    """Audit everything; return what was found. It reads only, and needs some 2 KB of temporary files an order.

    Raises:
        KafkaUnreachableError, InstitutionError: that part does not answer, so nothing can be said.

    """
    orders = await look.stores.payments.orders.estimated_document_count()
    with tempfile.TemporaryDirectory(prefix="weir-audit-") as folder, _executor(orders, scope.processes) as executor:
        parts = Parts.for_orders(Path(folder), orders)
        async with measured() as usage:
            return await _Audit(look, institution, scope, parts, executor, tell).run(usage)


@contextmanager
def _executor(orders: int, processes: int | None) -> Iterator[Executor]:
    wanted = processes or (1 if orders <= ORDERS_IN_ONE_PROCESS else min(PROCESSES_MAX, os.cpu_count() or 1))
    if wanted == 1:
        with ThreadPoolExecutor(1) as executor:
            yield executor
    else:
        with ProcessPoolExecutor(wanted, mp_context=get_context("spawn")) as executor:
            yield executor


EARLY: Final = ("split.orders", "merchant.statements", "payments.claims", "aftersale.orders")
LATE: Final = ("payments.payouts", "payments.refunds", "payments.handovers", "payments.orders")
"""In this order: who reads payouts after the institution finds what it moved, and who reads orders last knows all."""

LAST: Final = tuple(f"{it.service}.{it.collection}" for it in parks.ALL)
"""After all others: an order that is parked is judged by nothing else."""


class _Audit:
    """One audit under way."""

    def __init__(
        self,
        look: Look,
        institution: Institution,
        scope: Scope,
        parts: Parts,
        executor: Executor,
        tell: Callable[[str], None],
    ) -> None:
        self._look = look
        self._stores: Stores = look.stores
        self._institution = institution
        self._scope = scope
        self._parts = parts
        self._executor = executor
        self._tell = tell
        self._outcome = Outcome()
        self._findings = self._outcome.findings

    async def run(self, usage: Usage) -> Report:
        self._tell("what is under way")
        flights = await flight.look(self._stores, self._look.bootstrap, self._scope.groups)
        flight.judge(flights, self._findings)
        began_ms = await flight.now_ms(self._stores)
        job = Job(self._stores.url, self._stores.prefix, self._scope.marketplace, self._parts, began_ms)
        await self._read(job)
        self._tell("joining what was read")
        await self._each_part(tasks.join_record, job)
        async for stranger in outside.still_moved(self._institution, self._outcome.unsure):
            record.note_stranger(stranger, self._findings)
        await self._each_part(tasks.join_ledger, job)
        await self._each_part(tasks.judge, job)
        lost = await self._look_again(job) if self._outcome.again else 0
        now_ms = await flight.now_ms(self._stores)
        return Report(self._outcome.tally, self._findings, lost, flights, self._outcome.unclaimed, now_ms, usage)

    async def _read(self, job: Job) -> None:
        """Read everything. Nothing is instructed after the institution moved it, so it is asked before the payouts."""
        accounts = [pair async for pair in _accounts(self._stores, self._scope.marketplace)]
        self._tell("balances")
        heads = await self._write_kept()
        self._tell("ledger, orders, statements, and the institution's record")
        early = [self._start(tasks.read_ledger, job, heads)]
        early += [self._start(tasks.read, job, name) for name in EARLY]
        await self._write_sent(sorted({marketplace for marketplace, _ in accounts}))
        wanted = sorted({account for _, account in accounts})
        pools = await outside.read_record(self._institution, wanted, self._parts, self._findings)
        pools.judge(self._findings)
        for name in LATE:
            early.append(self._start(tasks.read, job, name))
        for outcome in await asyncio.gather(*early):
            self._outcome.join(outcome)
        for outcome in await asyncio.gather(*(self._start(tasks.read, job, name) for name in LAST)):
            self._outcome.join(outcome)

    def _start(self, step: Callable[..., Outcome], *arguments: object) -> asyncio.Future[Outcome]:
        return asyncio.get_running_loop().run_in_executor(self._executor, step, *arguments)

    async def _each_part(self, step: Callable[[Job, Sequence[int]], Outcome], job: Job) -> None:
        """Give every step some parts, so that it writes few files, and the slowest is not waited for by long."""
        shares = [range(first, self._parts.number, SHARES) for first in range(min(SHARES, self._parts.number))]
        for outcome in await asyncio.gather(*(self._start(step, job, tuple(share)) for share in shares)):
            self._outcome.join(outcome)

    async def _write_kept(self) -> dict[str, Head]:
        """Write the kept balances, and return the heads of the chains at the same moment: both say how far they go."""
        guarded = Guarded()
        heads: dict[str, Head] = {}
        with Writer(self._parts, "kept") as writer:
            async with await self._stores.client.start_session(snapshot=True) as session:
                async for head in self._taken(ledger.HEADS, session):
                    heads[head.id] = Head(head.seq, head.hash)
                async for held in self._taken(ledger.BALANCES, session):
                    for it in held.kept():
                        writer.add(it.name, Kept(it.name, it.amount_minor))
                        guarded.add_balance(it)
                async for guard in self._taken(split.GUARDS, session):
                    guarded.add_guard(guard)
        guarded.judge(self._findings)
        return heads

    async def _taken[D](self, source: Source[D], session: Session) -> AsyncIterator[D]:
        collection = self._stores.of(source.service)[source.collection].with_options(codec_options=READ)
        async for document in collection.find(dict(source.within(self._scope.marketplace)), session=session):
            it = source.take(document)
            if isinstance(it, Breach):
                self._findings.take(it)
            else:
                yield it

    async def _write_sent(self, known: Iterable[str]) -> None:
        """Write what was sent: by the list of who sent it; for marketplaces without one, by the topic."""
        listed = manifest.marketplaces(self._scope.sent)
        wanted = [it for it in listed if self._scope.marketplace in (None, it)]
        await asyncio.to_thread(outside.write_listed, wanted, self._scope.sent, self._parts)
        without = [it for it in known if it not in listed]
        if without or not wanted:
            await outside.write_published(self._look.bootstrap, self._scope.marketplace, wanted, self._parts)

    async def _look_again(self, job: Job) -> int:
        """Judge again what was odd; return how many orders are lost."""
        self._tell("what is under way or odd, again")
        sending = any(manifest.being_sent(it, self._scope.sent) for it in manifest.marketplaces(self._scope.sent))
        arrived = await flight.passed(self._stores, self._look.bootstrap, self._scope.groups)
        second = SecondLook(self._look, self._institution, job, arrived - {"taken"} if sending else arrived)
        self._outcome.join(await second.run())
        return second.lost


async def _accounts(stores: Stores, marketplace: str | None) -> AsyncIterator[tuple[str, str]]:
    """Go through the marketplaces and the channel accounts that orders of theirs were paid into."""
    fields = ("marketplace", "channel_account")
    named = {field: {"$type": "string"} for field in fields}
    key = {field: f"${field}" for field in fields}
    stages: list[dict[str, Any]] = [{"$match": prefixed(marketplace) | named}, {"$group": {"_id": key}}]
    async for it in stores.payments.orders.aggregate(stages):
        yield it["_id"]["marketplace"], it["_id"]["channel_account"]
