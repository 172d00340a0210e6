"""Taking money in: buyers' payments and the platform's own deposits."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sandbox.domain import payments
from sandbox.domain.behaviours.about import Frozen
from sandbox.domain.payments import Fund, Payment, PaymentAnswer
from sandbox.handlers.terms import Terms
from sandbox.store import books, frozen
from sandbox.store.connection import Session
from shared.profiles import Profile


def take_payments(session: Session, account: str, batch: Sequence[Payment], terms: Terms) -> list[PaymentAnswer]:
    """Take buyers' payments; where merchants collect, each is frozen for its splits."""
    known = books.payments(session, account, (payment.payment_id for payment in batch))
    answers, change = payments.take_payments(batch, known)
    books.add_payments(session, account, change, terms.now, open_pool=terms.open_pool)
    if terms.collected:
        frozen.add(session, account, [_freeze(it, terms.profile, terms.now) for it in change.records])
    events = (("payment.succeeded", {"payment_id": it.payment_id}) for it in change.records)
    terms.callbacks.tell(session, account, events, terms.now)
    return answers


def take_fund(session: Session, account: str, fund: Fund, terms: Terms) -> bool:
    """Take a deposit once."""
    change = payments.take_fund(fund, books.fund(session, account, fund.fund_id))
    if change is None:
        return False
    books.add_funds(session, account, change, terms.now)
    return True


def _freeze(it: Payment, profile: Profile, now: datetime) -> Frozen:
    paid_at = now if it.paid_at is None else min(it.paid_at, now)
    days = profile.freeze_days
    left_minor = it.amount_minor - it.fee_minor
    return Frozen(
        payment_id=it.payment_id,
        merchant=it.merchant,
        currency=it.currency,
        split=it.split,
        amount_minor=it.amount_minor,
        left_minor=left_minor,
        paid_at=paid_at,
        until=None if days is None else paid_at + timedelta(days=days),
    )
