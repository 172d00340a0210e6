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
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from ops.audit import case, shuffle
from ops.audit.findings import Findings
from ops.audit.laws import ledger, record, standing
from ops.audit.laws.ledger import Chain, Head, Heads
from ops.audit.laws.record import Sums
from ops.audit.rows import Again, Derived, Hashed, Listed, Sent, Transferred
from ops.audit.shapes import Source, aftersale, merchant, payments, split
from ops.audit.shuffle import Parts, Writer
from ops.audit.waits import Tally
from ops.stores import CHUNK

BALANCES_IN_MEMORY: Final = 50_000

SOURCES: Final = {
    f"{it.service}.{it.collection}": it
    for it in (
        payments.ORDERS,
        payments.CLAIMS,
        payments.PAYOUTS,
        payments.HANDOVERS,
        split.ORDERS,
        merchant.STATEMENTS,
        aftersale.ORDERS,
    )
}
"""What is read row by row."""

READ: Final = CodecOptions[dict[str, Any]](datetime_conversion=DatetimeConversion.DATETIME_MS)
"""Times as numbers: making objects of them costs more than the rest of a document."""


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


def _documents(job: Job, source: Source) -> Iterator[dict[str, Any]]:
    with _database(job, source.service) as database:
        fields = dict.fromkeys(source.fields, 1) or None
        query = dict(source.within(job.marketplace))
        yield from database[source.collection].find(query, fields, batch_size=source.per_fetch)


def read(job: Job, name: str) -> Outcome:
    """Read one of SOURCES into rows."""
    source, outcome = SOURCES[name], Outcome()
    with Writer(job.parts, name) as writer:
        for document in _documents(job, source):
            if not source.named(document):
                outcome.findings.add("document_named", str(document["_id"]), f"it stands in {name}")
            for key, row in source.rows(document):
                writer.add(key, row)
    return outcome


def read_ledger(job: Job, heads: Heads) -> Outcome:
    """Read the blocks, then the links over them. `heads` stood before, at the moment of the kept balances."""
    outcome = Outcome()
    with Writer(job.parts, "ledger") as writer:
        sums: Counter[str] = Counter()
        for document in _documents(job, split.BLOCKS):
            it = split.block(document)
            ledger.judge_block(it, outcome.findings)
            writer.add(it.id, Hashed(it.id, it.content))
            for key, row in split.BLOCKS.rows(document):
                writer.add(key, row)
            for name, amount in split.moved(it):
                sums[name] += amount
            if len(sums) > BALANCES_IN_MEMORY:
                _write_sums(sums, writer)
        _write_sums(sums, writer)
        chain = Chain(outcome.findings)
        for document in _documents(job, split.LINKS):
            link = split.link(document)
            chain.add(link)
            new = link.seq > heads.get(link.stripe, Head(0, ledger.GENESIS)).seq
            for identity, content in link.blocks:
                writer.add(identity, Listed(identity, content, new))
    after = {stripe: Head(seq, content) for stripe, seq, content in map(split.head, _documents(job, split.HEADS))}
    chain.walk(heads, after)
    return outcome


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
    with Writer(job.parts, f"new-{some[0]}") as writer, _database(job, split.BLOCKS.service) as database:
        for part in some:
            chunks = job.parts.read(shuffle.BLOCKS, part)
            new = ledger.compare_listed(chunks, outcome.findings, whole=job.marketplace is None)
            for identities in batched(new, CHUNK):
                query = {"_id": {"$in": identities}}
                for document in database[split.BLOCKS.collection].find(query, batch_size=split.BLOCKS.per_fetch):
                    for name, amount in split.moved(split.block(document)):
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
            outcome.tally.add(verdict.place, verdict.since_ms)
            continue
        outcome.again += 1
        missing = tuple(sorted({it.name for it in verdict.missing}))
        writer.add(key, Again(key, missing, tuple(payment.payment for payment in it.paid)))
        if it.sent:
            writer.add(key, Sent(key), shuffle.AGAIN.name)
        for booked in it.booked:
            writer.add(key, booked, shuffle.AGAIN.name)
