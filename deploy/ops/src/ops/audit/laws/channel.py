"""One order against the institution: what the buyer paid is what the books have, and so is what left the pool."""

from ops.audit.case import Case, Verdict
from ops.audit.laws.books import CLEARING, balances_of
from ops.audit.laws.refunds import instructed_minor, left_pool_minor

ACCEPTED = "accepted"


def judge(case: Case, posted_minor: int, verdict: Verdict) -> None:
    """Compare an order with its payments there. `posted_minor`: what its posted legs and refunds did to the pool."""
    taken, divided = case.taken, case.divided
    accepted = taken is not None and taken.state == ACCEPTED
    law = "paid_as_proved"
    if divided is not None and not accepted and not divided.charge:
        verdict.breach(law, case.order, "split has booked it, payments has not accepted it")
    if taken is not None and accepted:
        there = sum(it.amount_minor or 0 for it in case.paid)
        if there != taken.paid_minor:
            detail = f"payments proved {taken.paid_minor}, of its payments the institution has {there}"
            verdict.breach(law, case.order, detail)
        if any(it.currency not in ("", taken.currency) for it in case.paid):
            verdict.breach(law, case.order, f"it was not paid in {taken.currency}")
        if divided is not None and divided.paid_minor != taken.paid_minor:
            detail = f"split booked {divided.paid_minor} as paid, payments proved {taken.paid_minor}"
            verdict.breach(law, case.order, detail)
    if divided is not None:
        received = sum(it.amount_minor - it.fee_minor for it in case.paid if it.amount_minor is not None)
        # What the channel moved by itself is in no record by our numbers: for that the books are believed.
        by_itself = left_pool_minor(divided) - instructed_minor(divided)
        owed = -balances_of(case.booked).get(f"{CLEARING}{divided.account}", 0) + by_itself
        if owed != received + posted_minor:
            detail = f"the pool holds {received + posted_minor} of it, the books owe {owed}"
            verdict.breach("pool_is_owed", case.order, detail)
