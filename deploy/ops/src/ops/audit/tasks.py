"""The heavy steps of an audit, each a function that a process of its own can run: read a collection, join a part.

Reading takes no lock and no snapshot: what changed meanwhile shows as a contradiction, and is looked at again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Final

import msgspec
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from ops.audit import case, shuffle
from ops.audit.findings import Breach, Findings
from ops.audit.laws import ledger, record, standing
from ops.audit.laws.ledger import Chain, Head, Heads
from ops.audit.laws.record import Sums
from ops.audit.rows import Again, Derived, Hashed, Listed, Sent, Transferred
from ops.audit.shapes import READ, Query, Source, aftersale, merchant, parks, payments, split
from ops.audit.shapes import ledger as shape
from ops.audit.shuffle import Parts, Writer
from ops.audit.waits import Tally
from ops.stores import CHUNK

BALANCES_IN_MEMORY: Final = 50_000

_SOURCES: Final[tuple[Source[Any], ...]] = (
    payments.ORDERS,
    payments.CLAIMS,
    payments.PAYOUTS,
    payments.REFUNDS,
    payments.HANDOVERS,
    split.ORDERS,
    split.CHARGES,
    merchant.STATEMENTS,
    aftersale.ORDERS,
    *parks.ALL,
)
SOURCES: Final = {f"{it.service}.{it.collection}": it for it in _SOURCES}
"""What is read row by row."""

RAW: Final = CodecOptions[RawBSONDocument](document_class=RawBSONDocument)

UNKNOWN: Final = b""
"""The content of a block that cannot be read: it is not what a link lists."""


class Job(msgspec.Struct, frozen=True):
    """What every step needs to know. Orders that came after `began_ms` are not judged."""

    url: str
    prefix: str
    marketplace: str | None
    parts: Parts
    began_ms: int


@dataclass(slots=True)
class Outcome:
    """What a step found."""

    findings: Findings = field(default_factory=Findings)
    tally: Tally = field(default_factory=Tally)
    unclaimed: Sums = field(default_factory=Counter)
    unsure: list[Transferred] = field(default_factory=list)
    again: int = 0

    def join(self, other: "Outcome") -> None:
        """Take what another step found."""
        self.findings.join(other.findings)
        self.tally.join(other.tally)
        self.unclaimed.update(other.unclaimed)
        self.unsure.extend(other.unsure)
        self.again += other.again


@contextmanager
def _database(job: Job, service: str) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](job.url) as client:
        yield client.get_database(f"{job.prefix}{service}", codec_options=READ, read_concern=ReadConcern("majority"))


def _documents[D](job: Job, source: Source[D]) -> Iterator[D | Breach]:
    with _database(job, source.service) as database:
        fields = dict.fromkeys(source.fields, 1) or None
        query = dict(source.within(job.marketplace))
        for document in database[source.collection].find(query, fields, batch_size=source.per_fetch):
            yield source.take(document)


def _exactly[D](database: Database[Any], source: Source[D], query: Query) -> Iterator[D | Breach]:
    collection = database.get_collection(source.collection, codec_options=RAW)
    for document in collection.find(dict(query), batch_size=source.per_fetch):
        yield source.take_exactly(document)


def read(job: Job, name: str) -> Outcome:
    """Read one of SOURCES into rows."""
    source, outcome = SOURCES[name], Outcome()
    with Writer(job.parts, name) as writer:
        for it in _documents(job, source):
            if isinstance(it, Breach):
                outcome.findings.take(it)
                continue
            if not source.named(it):
                outcome.findings.add("document_named", it.id, f"it stands in {name}")
            for key, row in source.rows(it):
                writer.add(key, row)
    return outcome


def read_ledger(job: Job, heads: Heads) -> Outcome:
    """Read the blocks, then the links over them. `heads` stood before, at the moment of the kept balances."""
    outcome = Outcome()
    with Writer(job.parts, "ledger") as writer, _database(job, shape.BLOCKS.service) as database:
        _read_blocks(database, job, writer, outcome)
        chain = Chain(outcome.findings)
        for link in _exactly(database, shape.LINKS, shape.LINKS.within(None)):
            if isinstance(link, Breach):
                outcome.findings.take(link)
                continue
            chain.add(link)
            new = link.seq > heads.get(link.stripe, Head(0, ledger.GENESIS)).seq
            for it in link.blocks:
                writer.add(it.id, Listed(it.id, it.hash, new))
    after = {it.id: Head(it.seq, it.hash) for it in _documents(job, shape.HEADS) if isinstance(it, shape.Head)}
    chain.walk(heads, after)
    return outcome


def _read_blocks(database: Database[dict[str, Any]], job: Job, writer: Writer, outcome: Outcome) -> None:
    sums: Counter[str] = Counter()
    for it in _exactly(database, shape.BLOCKS, shape.BLOCKS.within(job.marketplace)):
        if isinstance(it, Breach):
            outcome.findings.take(it)
            writer.add(it.id, Hashed(it.id, UNKNOWN))
            continue
        content = it.content()
        ledger.judge_block(it, content, outcome.findings)
        writer.add(it.id, Hashed(it.id, content))
        for key, row in shape.BLOCKS.rows(it):
            writer.add(key, row)
        for name, amount in it.moved():
            sums[name] += amount
        if len(sums) > BALANCES_IN_MEMORY:
            _write_sums(sums, writer)
    _write_sums(sums, writer)


def _write_sums(sums: Counter[str], writer: Writer) -> None:
    for name, amount in sums.items():
        writer.add(name, Derived(name, amount))
    sums.clear()


def join_record(job: Job, some: Sequence[int]) -> Outcome:
    """Bring the institution's transfers and payments of some parts to their orders."""
    outcome = Outcome()
    with Writer(job.parts, f"record-{some[0]}") as writer:
        for part in some:
            numbers = job.parts.read(shuffle.NUMBERS, part)
            for transfer in record.bring_transfers(numbers, outcome.findings, outcome.unsure):
                writer.add(transfer.order, transfer)
            for payment in record.bring_payments(job.parts.read(shuffle.PAYMENTS, part), outcome.unclaimed):
                writer.add(payment.order, payment)
    return outcome


def join_ledger(job: Job, some: Sequence[int]) -> Outcome:
    """Compare the blocks of some parts with the links; what came after the kept balances is not in them."""
    outcome = Outcome()
    with Writer(job.parts, f"new-{some[0]}") as writer, _database(job, shape.BLOCKS.service) as database:
        for part in some:
            chunks = job.parts.read(shuffle.BLOCKS, part)
            new = ledger.compare_listed(chunks, outcome.findings, whole=job.marketplace is None)
            for identities in batched(new, CHUNK):
                for it in _exactly(database, shape.BLOCKS, {"_id": {"$in": identities}}):
                    for name, amount in () if isinstance(it, Breach) else it.moved():
                        writer.add(name, Derived(name, -amount))
    return outcome


def judge(job: Job, some: Sequence[int]) -> Outcome:
    """Judge the orders and the balances of some parts. What is wrong or lacks something is noted for again."""
    outcome = Outcome()
    with Writer(job.parts, f"again-{some[0]}") as writer:
        for part in some:
            ledger.compare_balances(job.parts.read(shuffle.BALANCES, part), outcome.findings)
            _judge_orders(job, part, writer, outcome)
    return outcome


def _judge_orders(job: Job, part: int, writer: Writer, outcome: Outcome) -> None:
    for key, it in case.cases_of(job.parts.read(shuffle.ORDERS, part)).items():
        verdict = standing.judge(it)
        newer = it.taken is not None and it.taken.received_ms > job.began_ms
        if newer or verdict.clean:
            if not it.is_charge:
                outcome.tally.add(verdict.place, verdict.since_ms)
            continue
        outcome.again += 1
        missing = tuple(sorted({it.name for it in verdict.missing}))
        writer.add(key, Again(key, missing, tuple(payment.payment for payment in it.paid)))
        if it.sent:
            writer.add(key, Sent(key), shuffle.AGAIN.name)
        for booked in it.booked:
            writer.add(key, booked, shuffle.AGAIN.name)
