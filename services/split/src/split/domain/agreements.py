"""Which agreement decides about an order, what it makes of a line, and what it makes wait. No amount is moved here."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from shared.messages import Agreement, CommissionLimit, OrderLine
from shared.money import basis_points_of
from split.domain.holds import Hold, Standstill
from split.domain.refunds import RefundTerms

NO_LIMIT: Final = CommissionLimit(currency="XXX")
"""No floor and no cap; XXX is ISO 4217's code for no currency."""


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


def hold(agreement: Agreement) -> Hold | None:
    """Return what money under this agreement waits for; None when it is paid as soon as the order is (money.md 3.7)."""
    then: Standstill = "collect" if agreement.direction == "collect" else ""
    if not then and agreement.cycle != "real_time":
        then = "periodic"
    if agreement.trigger == "paid" and not agreement.trigger_days and not then:
        return None
    working = agreement.trigger_working_days is True
    return Hold(trigger=agreement.trigger, days=agreement.trigger_days, working=working, then=then)


def refund_terms(agreement: Agreement) -> RefundTerms | None:
    """Return who bears refunds under this agreement; None where it says what is usual."""
    terms = RefundTerms(
        bearer=agreement.refund_bearer,
        keep_commission=agreement.refund_commission == "kept",
        keep_surcharge=agreement.refund_surcharge == "kept",
    )
    return None if terms == RefundTerms() else terms


def limit(agreement: Agreement, currency: str) -> CommissionLimit:
    """Return the least and the most commission of a line in this currency."""
    return next((it for it in agreement.commission_limits if it.currency == currency), NO_LIMIT)


def commission(agreement: Agreement, bounds: CommissionLimit, category: str, base_minor: int) -> int:
    """Return the commission of one line, rounded down: the fraction stays with the merchant (docs/decisions/0007).

    The category's rate wins over the agreement's; then come floor and cap; never more than the base itself.
    """
    rate_bp = agreement.commission_bp
    for special in agreement.category_rates:
        if special.category == category:
            rate_bp = special.commission_bp
            break
    amount = max(basis_points_of(base_minor, rate_bp), bounds.floor_minor)
    if bounds.cap_minor is not None:
        amount = min(amount, bounds.cap_minor)
    return max(0, min(amount, base_minor))


def charged(agreement: Agreement, currency: str, lines: Sequence[OrderLine], bases: Sequence[int]) -> list[int] | str:
    """Return what the platform keeps of each of these lines, each worth its base; or why that cannot be said.

    Under a settlement price the merchant gets price x quantity and the platform the rest (money.md 3.3).
    """
    if agreement.price_mode == "settlement_price":
        return _above_settlement_price(lines, bases)
    bounds = limit(agreement, currency)
    return [commission(agreement, bounds, line.category, base) for line, base in zip(lines, bases, strict=True)]


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
