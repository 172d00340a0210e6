"""The second look: orders that contradicted themselves or lacked something, now in one snapshot of all stores.

A contradiction that is still there is a breach. What was missing before and still is, although all that was committed
then has arrived, is lost.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from typing import Any, Final

from ops import redrives
from ops.audit import rows
from ops.audit.case import Case, Hop, Verdict
from ops.audit.findings import Breach
from ops.audit.laws import standing
from ops.audit.shapes import READ, Query, Source, aftersale, ledger, merchant, parks, payments, split
from ops.audit.shapes import institution as shape
from ops.audit.shuffle import AGAIN, Writer
from ops.audit.tasks import Job, Outcome
from ops.institution import Institution
from ops.letters import read as letters_of
from ops.places import Place
from ops.settled import Look
from shared.mongo import Session

ORDERS_AT_ONCE: Final = 1_000
RANGES_AT_ONCE: Final = 100
CLOCKS_APART_MS: Final = 120_000
"""How far the time in a block's id may lie before its commit: a transaction's own length, and clocks."""

WHOLE: Final[tuple[Source[Any], ...]] = (
    payments.ORDERS,
    payments.PAYOUTS,
    payments.REFUNDS,
    split.ORDERS,
    split.CHARGES,
    merchant.STATEMENTS,
    aftersale.ORDERS,
    *parks.ALL,
)
UNKNOWN: Final = "not_found"
LOSING: Final[frozenset[Hop]] = frozenset({"taken", "split", "payout", "posted"})
"""Hops without whose event an order goes no further."""


@dataclass(slots=True)
class _Part:
    """What was noted of the orders of one part."""

    noted: dict[str, rows.Again] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    booked: dict[str, list[rows.Booked]] = field(default_factory=dict)
    letters: dict[str, rows.Lettered] = field(default_factory=dict)

    def add(self, row: rows.OfAgain) -> None:
        match row:
            case rows.Again():
                self.noted[row.order] = row
            case rows.Sent():
                self.sent.add(row.order)
            case rows.Booked():
                self.booked.setdefault(row.order, []).append(row)
            case rows.Lettered():
                self.letters.setdefault(row.order, row)


class SecondLook:
    """Judges again what a first look could not settle. `arrived`: hops on which nothing old is under way any more."""

    def __init__(self, look: Look, institution: Institution, job: Job, arrived: frozenset[Hop]) -> None:
        self._look = look
        self._stores = look.stores
        self._institution = institution
        self._job = job
        self._arrived = arrived
        self._since_ms = job.began_ms - CLOCKS_APART_MS
        self.lost = 0

    async def run(self) -> Outcome:
        """Look again at everything that was noted for it."""
        outcome = Outcome()
        await self._write_letters()
        for number in range(self._job.parts.number):
            part = _Part()
            for chunk in self._job.parts.read(AGAIN, number):
                for row in chunk:
                    part.add(row)
            for orders in batched(part.noted, ORDERS_AT_ONCE):
                for case in (await self._cases(orders, part)).values():
                    self._judge(case, part, outcome)
        return outcome

    async def _write_letters(self) -> None:
        done = await redrives.done(self._stores)
        with Writer(self._job.parts, "letters") as writer:
            async for letter in letters_of(self._look.bootstrap, self._look.dead_letter_topics):
                if letter.id not in done:
                    at_ms = _ms_of(letter.facts.get("last-failed-at", ""))
                    writer.add(letter.order, rows.Lettered(letter.order, letter.topic, at_ms))

    def _judge(self, case: Case, part: _Part, outcome: Outcome) -> None:
        verdict = standing.judge(case)
        letter = part.letters.get(case.order)
        for breach in verdict.breaches:
            outcome.findings.take(breach)
        outcome.findings.duplicated += verdict.duplicated
        if letter is not None and (verdict.missing or verdict.place.name == "waiting"):
            verdict.place, verdict.since_ms = Place("dlq", letter.topic), letter.at_ms
        elif not case.parks:
            self._count_lost(verdict, part.noted[case.order].missing, outcome)
        if case.sent or case.taken is not None:
            outcome.tally.add(verdict.place, verdict.since_ms)

    def _count_lost(self, verdict: Verdict, before: tuple[str, ...], outcome: Outcome) -> None:
        gone = [it for it in verdict.missing if it.name in before and it.hop in self._arrived]
        for it in gone:
            outcome.findings.take(it.breach)
        self.lost += any(it.hop in LOSING for it in gone)

    async def _cases(self, orders: Sequence[str], part: _Part) -> dict[str, Case]:
        cases = {key: Case(key, sent=key in part.sent) for key in orders}
        async with await self._stores.client.start_session(snapshot=True) as session:
            for source in WHOLE:
                await self._read(source, cases, session)
            await self._read_transactions(cases, part, session)
            async for it in self._find(payments.HANDOVERS, {}, session):  # few, and by no index an order's
                _take(payments.HANDOVERS.rows(it), cases)
            claims = await self._claims(cases, part, session)
        # The institution is asked last: it must know of everything that the stores have as done.
        await self._ask_transfers(cases)
        await self._ask_payments(claims, cases)
        return cases

    async def _read(self, source: Source[Any], cases: dict[str, Case], session: Session) -> None:
        if source.of_orders is None:
            return
        seen: set[str] = set()
        for orders in batched(cases, RANGES_AT_ONCE):
            async for it in self._find(source, source.of_orders(orders), session):
                if it.id not in seen:  # an order's payouts may lie in the range of another's, too
                    seen.add(it.id)
                    _take(source.rows(it), cases)

    async def _read_transactions(self, cases: dict[str, Case], part: _Part, session: Session) -> None:
        """Take the old ones from the first look, and the new ones by the time in the ids of their blocks."""
        for key, case in cases.items():
            case.booked.extend(it for it in part.booked.get(key, ()) if it.made_ms < self._since_ms)
        blocks = self._stores.of(ledger.BLOCKS.service)[ledger.BLOCKS.collection].with_options(codec_options=READ)
        stages = ledger.booked_since(self._since_ms, list(cases))
        async for document in blocks.aggregate(stages, session=session):
            it = ledger.BLOCKS.take(document)
            if not isinstance(it, Breach):
                _take(ledger.BLOCKS.rows(it), cases)

    async def _claims(self, cases: dict[str, Case], part: _Part, session: Session) -> list[tuple[str, str]]:
        """Return the payments that these orders have, of those that they name and those of the first look."""
        wanted = {payment for key in cases for payment in part.noted[key].payments}
        wanted |= {f"{it.taken.account}/{name}" for it in cases.values() if it.taken for name in it.taken.payments}
        found: list[tuple[str, str]] = []
        for some in batched(sorted(wanted), ORDERS_AT_ONCE):
            claims = self._find(payments.CLAIMS, {"_id": {"$in": some}}, session)
            found.extend([(it.id, it.order) async for it in claims if it.order in cases])
        return found

    async def _find[D](self, source: Source[D], query: Query, session: Session) -> AsyncIterator[D]:
        """Go through documents. One without its shape is passed over: the first look has named it."""
        collection = self._stores.of(source.service)[source.collection].with_options(codec_options=READ)
        fields = dict.fromkeys(source.fields, 1) or None
        async for document in collection.find(dict(query), fields, session=session):
            it = source.take(document)
            if not isinstance(it, Breach):
                yield it

    async def _ask_transfers(self, cases: dict[str, Case]) -> None:
        asked: dict[str, list[tuple[str, str]]] = {}
        for key, case in cases.items():
            for payout in case.payouts:
                numbers = asked.setdefault(payout.account, [])
                numbers.extend((leg.number, key) for leg in payout.legs if leg.amount_minor)
            for refund in case.refunds:
                numbers = asked.setdefault(refund.account, [])
                numbers.extend((part.number, key) for part in refund.parts if part.amount_minor)
        for account, numbers in asked.items():
            answers = await self._institution.find_transfers(account, [number for number, _ in numbers])
            for (_, key), answer in zip(numbers, answers, strict=True):
                it = shape.transferred(account, answer)
                if answer.get("state") != UNKNOWN and not isinstance(it, Breach):
                    cases[key].add(shape.moved(key, it))

    async def _ask_payments(self, claims: list[tuple[str, str]], cases: dict[str, Case]) -> None:
        asked: dict[str, list[tuple[str, str]]] = {}
        for payment, key in claims:
            account, _, identity = payment.partition("/")
            asked.setdefault(account, []).append((identity, key))
        for account, wanted in asked.items():
            answers = await self._institution.find_payments(account, [identity for identity, _ in wanted])
            for (identity, key), answer in zip(wanted, answers, strict=True):
                it = shape.received(account, answer)
                known = None if answer.get("state") == UNKNOWN or isinstance(it, Breach) else it
                cases[key].add(shape.paid(key, f"{account}/{identity}", known))


def _take(found: Iterable[tuple[str, rows.AnyRow]], cases: dict[str, Case]) -> None:
    for key, row in found:
        if key in cases:
            cases[key].add(row)


def _ms_of(text: str) -> int:
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        return 0
