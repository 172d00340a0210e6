"""Money in: what buyers pay into the pool, and what the platform funds its own pockets with."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from sandbox.domain.books import POOL, Change, Currency, Id, Minor, Part


class Payment(Part, frozen=True, kw_only=True, gc=False):
    """One payment of a buyer; the institution keeps `fee_minor` of it.

    `merchant` collects it, where merchants do; `split`: whether splitting was asked for when it was paid. `paid_at`:
    when, where that was before now.
    """

    payment_id: Id
    amount_minor: Minor
    currency: Currency
    fee_minor: Minor = 0
    merchant: Id | None = None
    split: bool = True
    paid_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class PaymentAnswer(Part, frozen=True, kw_only=True, gc=False):
    """What became of one payment. A refused one leaves no record, so its number stays free."""

    payment_id: str
    state: Literal["succeeded", "refused"]
    reason: Literal["payment_differs", "fee_above_amount"] | None = None


class PaymentFound(Part, frozen=True, kw_only=True, gc=False):
    """A payment as it is told to who asks for it; of one that is not known there is nothing to tell but that."""

    payment_id: str
    state: Literal["succeeded", "not_found"]
    amount_minor: int | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    fee_minor: int | msgspec.UnsetType = msgspec.UNSET
    merchant: str | msgspec.UnsetType = msgspec.UNSET


class Fund(Part, frozen=True, kw_only=True, gc=False):
    """One deposit of the platform into a pocket of its own."""

    fund_id: Id
    pocket: Literal["platform:marketing", "platform:advance"]
    currency: Currency
    amount_minor: Minor


def take_payments(
    payments: Iterable[Payment], known: Mapping[str, Payment]
) -> tuple[list[PaymentAnswer], Change[Payment]]:
    """Credit the pool with amount minus fee of each new payment; answer a known one as before, whoever repeats it."""
    seen = dict(known)
    answers: list[PaymentAnswer] = []
    change: Change[Payment] = Change()
    for payment in map(_kept, payments):
        before = seen.get(payment.payment_id)
        reason: Literal["payment_differs", "fee_above_amount"] | None = None
        if before is not None:
            reason = None if before == payment else "payment_differs"
        elif payment.fee_minor > payment.amount_minor:
            reason = "fee_above_amount"  # the pool would pay for being paid
        else:
            seen[payment.payment_id] = payment
            change.records.append(payment)
            change.pockets[POOL, payment.currency] += payment.amount_minor - payment.fee_minor
        state: Literal["succeeded", "refused"] = "succeeded" if reason is None else "refused"
        answers.append(PaymentAnswer(payment_id=payment.payment_id, state=state, reason=reason))
    return answers, change


def _kept(payment: Payment) -> Payment:
    """Return a payment as it is kept: its time to the millisecond, so that a repeat is the same."""
    at = payment.paid_at
    if at is None or not at.microsecond % 1000:
        return payment
    return msgspec.structs.replace(payment, paid_at=at.replace(microsecond=at.microsecond // 1000 * 1000))


def take_fund(fund: Fund, known: Fund | None) -> Change[Fund] | None:
    """Credit the pocket once; return None when the same number was used for another deposit."""
    change: Change[Fund] = Change()
    if known is None:
        change.records.append(fund)
        change.pockets[fund.pocket, fund.currency] += fund.amount_minor
    return change if known in (None, fund) else None


def found(payment_id: str, payment: Payment | None) -> PaymentFound:
    """Return what the institution knows of a payment number."""
    if payment is None:
        return PaymentFound(payment_id=payment_id, state="not_found")
    return PaymentFound(
        payment_id=payment_id,
        state="succeeded",
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        fee_minor=payment.fee_minor,
        merchant=payment.merchant or msgspec.UNSET,
    )
