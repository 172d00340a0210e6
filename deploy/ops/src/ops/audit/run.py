"""A whole audit, in the order that makes it fair on a running cluster: rest, institution, snapshot, then all laws."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ops.audit import chain, ledger, legs, orders, record, rest, snapshot
from ops.audit.findings import Findings
from ops.audit.legs import Sides
from ops.audit.pool import Pool
from ops.audit.snapshot import Snapshot
from ops.institution import Institution
from ops.places import Tally, known
from ops.settled import Look, place_all
from ops.sorting import Sorter, distinct

LOST: Final = ("not_taken", "split", "books")
"""What an order may wait for only while something is on its way."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an audit answers. `at_rest`: nothing was on its way, so what is missing counts as lost."""

    tally: Tally
    findings: Findings
    lost: int
    at_rest: bool

    def answer(self) -> dict[str, object]:
        """Return what `--json` says."""
        return {
            **self.tally.answer(),
            "lost": self.lost,
            "duplicated": self.findings.duplicated,
            "imbalance_minor": self.findings.imbalance_minor,
            "at_rest": self.at_rest,
            "reasons": self.tally.reasons(),
            "breaches_total": self.findings.total,
            "breaches": self.findings.answer(),
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited: one marketplace or all, the consumer groups, and the keys of what was sent (may be empty)."""

    marketplace: str | None
    groups: dict[str, str]
    sent: Iterable[str] = ()


async def run(look: Look, institution: Institution, scope: Scope, tell: Callable[[str], None]) -> Report:
    """Audit everything; return what was found. It reads only.

    Raises:
        KafkaUnreachableError, InstitutionError: that part does not answer, so nothing can be said.

    """
    findings = Findings()
    tell("is anything on its way?")
    quiet_since = await rest.since(look.stores, look.bootstrap, scope.groups)
    await rest.check_outboxes(look.stores, findings)
    tell("the institution's record")
    pairs = [pair async for pair in record.accounts(look.stores, scope.marketplace)]
    theirs = await record.read(institution, sorted({account for _, account in pairs}))
    async with snapshot.taken(look.stores) as moment:
        sides, split = Sides(), Sorter()
        clearing = await _check_books(moment, scope.marketplace, findings, sides, split, tell)
        tell("legs, subsidies and statements")
        await legs.read(moment, scope.marketplace, sides)
        legs.check(sides, quiet_since, findings)
        tell("the institution against the books")
        pool = Pool(theirs, findings)
        await pool.check_numbers(sides.numbers, institution)
        await pool.check_payments(moment, split, institution)
        pool.check_pools(clearing)
    tell("where every order is")
    tally, lost = await _places(look, scope, findings, at_rest=quiet_since is not None)
    return Report(tally, findings, lost, at_rest=quiet_since is not None)


async def _check_books(
    moment: Snapshot,
    marketplace: str | None,
    findings: Findings,
    sides: Sides,
    split: Sorter,
    tell: Callable[[str], None],
) -> dict[tuple[str, str, str], int]:
    hashes, booked = Sorter(), Sorter()
    tell("ledger transactions")
    clearing = await ledger.read(moment, marketplace, findings, hashes, booked)
    tell("the hash chain")
    await chain.check(moment, findings, hashes, whole=marketplace is None)
    tell("balances")
    await ledger.check_balances(moment, marketplace, findings)
    tell("orders")
    await orders.check(moment, marketplace, findings, booked, sides.told, split)
    return clearing


async def _places(look: Look, scope: Scope, findings: Findings, *, at_rest: bool) -> tuple[Tally, int]:
    keys = Sorter()
    for key in scope.sent:
        keys.add((key,))
    async for key in known(look.stores, scope.marketplace):
        keys.add((key,))
    tally, lost = Tally(), 0
    async for key, place in place_all(look, distinct(keys)):
        tally.add(place)
        if at_rest and place.name == "waiting" and place.detail in LOST:
            lost += 1
            findings.add("order_not_lost", key, f"nothing is on its way, and it waits: {place.detail}")
    return tally, lost
