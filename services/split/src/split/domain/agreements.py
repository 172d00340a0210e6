"""Which agreement decides about an order, what it makes of a line, and what it makes wait. No amount is moved here."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.messages import Agreement, OrderLine
from split.domain.holds import Hold, Standstill
from split.domain.refunds import RefundTerms
from split.domain.tariff import limit, percent_of


def in_force(agreements: Iterable[Agreement], paid_at: datetime) -> Agreement | None:
    """Return the agreement that decides about what was paid then; of several the greatest version (money.md 3.2)."""
    found: Agreement | None = None
    for agreement in agreements:
        if (
            agreement.effective_from <= paid_at
            and (agreement.effective_to is None or paid_at < agreement.effective_to)
            and (found is None or agreement.version > found.version)
        ):
            found = agreement
    return found


def covered(agreements: Iterable[Agreement]) -> tuple[tuple[datetime, datetime | None], ...]:
    """Return the times for which some agreement is in force, as disjoint intervals in order, each end exclusive."""
    intervals: list[tuple[datetime, datetime | None]] = []
    for start, end in sorted(((it.effective_from, it.effective_to) for it in agreements), key=lambda it: it[0]):
        if end is not None and end <= start:
            continue
        if not intervals or (intervals[-1][1] is not None and intervals[-1][1] < start):
            intervals.append((start, end))
            continue
        first, last = intervals[-1]
        intervals[-1] = (first, None if last is None or end is None else max(last, end))
    return tuple(intervals)


def late_since(before: Sequence[Agreement], after: Sequence[Agreement], now: datetime) -> datetime | None:
    """Return from when on versions that are new were in force at the expense of older ones; None: none came late.

    What fills a time without an agreement is not late: nothing was divided then.
    """
    known = {it.version for it in before}
    spans = covered(before)
    begins = [
        max(it.effective_from, start)
        for it in after
        if it.version not in known and it.effective_from < now
        for start, end in spans
        if (end is None or it.effective_from < end) and (it.effective_to is None or start < it.effective_to)
    ]
    return min((it for it in begins if it < now), default=None)


def hold(agreement: Agreement) -> Hold | None:
    """Return what money under this agreement waits for; None when it is paid as soon as the order is (money.md 3.7)."""
    then: Standstill = "collect" if agreement.direction == "collect" else ""
    if not then and agreement.cycle != "real_time":
        then = "periodic"
    if agreement.trigger == "paid" and not agreement.trigger_days and not then:
        return None
    working, let_go = agreement.trigger_working_days is True, agreement.freeze_policy == "let_go"
    return Hold(trigger=agreement.trigger, days=agreement.trigger_days, working=working, then=then, let_go=let_go)


def refund_terms(agreement: Agreement) -> RefundTerms | None:
    """Return who bears refunds under this agreement; None where it says what is usual."""
    terms = RefundTerms(
        bearer=agreement.refund_bearer,
        keep_commission=agreement.refund_commission == "kept",
        keep_surcharge=agreement.refund_surcharge == "kept",
    )
    return None if terms == RefundTerms() else terms


def charged(agreement: Agreement, currency: str, lines: Sequence[OrderLine], bases: Sequence[int]) -> list[int] | str:
    """Return what an agreement's plain terms let the platform keep of each of these lines, each worth its base.

    The rate of the line's category wins over the agreement's; then come floor and cap. Under a settlement price the
    merchant gets price x quantity and the platform the rest (money.md 3.3), whatever rules there are; a reason, where
    that cannot be said.
    """
    if agreement.price_mode == "settlement_price":
        return _above_settlement_price(lines, bases)
    bounds, rate_bp = limit(agreement.commission_limits, currency), agreement.commission_bp
    if not agreement.category_rates:
        return [percent_of(base, rate_bp, bounds) for base in bases]
    rates = {it.category: it.commission_bp for it in reversed(agreement.category_rates)}
    return [
        percent_of(base, rates.get(line.category, rate_bp), bounds) for line, base in zip(lines, bases, strict=True)
    ]


def _above_settlement_price(lines: Sequence[OrderLine], bases: Sequence[int]) -> list[int] | str:
    kept: list[int] = []
    for line, base in zip(lines, bases, strict=True):
        if line.settlement_price_minor is None or line.settlement_price_minor < 0:
            return "settlement_price_missing"
        rest = base - line.settlement_price_minor * line.quantity
        if rest < 0:
            return "price_above_paid"
        kept.append(rest)
    return kept
