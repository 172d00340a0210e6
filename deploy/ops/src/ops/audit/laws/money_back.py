"""Every part of every refund in the eyes of split, payments and the institution: asked for, carried out, done once."""

from collections import Counter
from typing import Final

from ops.audit.case import Case, Verdict
from ops.audit.rows import Back, Moving, Refunded, Repaid
from ops.audit.shapes.institution import EXECUTED, effect

LAW: Final = "refund_as_requested"
WITHIN: Final = "refund_within_paid"
PAID: Final = "succeeded"
BACK: Final = "returned"
UNDONE: Final = frozenset({"failed", "cancelled"})
DONE: Final = "succeeded"
ADDED: Final = frozenset({"subsidy", "advance"})
KINDS: Final = {"marketing": ADDED, "advance": frozenset({"advance"})}
"""How payments carries out a funding: what the platform gives for a refund is an advance where a merchant collects."""


def judge(case: Case, verdict: Verdict) -> int:
    """Compare all sides of every refund; return what the institution did to the pool of what the books have as done."""
    told = {it.id: it for it in case.divided.refunds} if case.divided is not None else {}
    posted_minor = 0
    for it in case.refunds:
        wanted = told.pop(it.refund.partition("/")[2], None)
        posted_minor += sum(_part(case, it, part, wanted, verdict) for part in it.parts)
    for wanted in told.values():
        if wanted.asks:
            detail = "split has asked for it, and payments has not taken it"
            verdict.miss("refund", LAW, f"{case.order} {wanted.id}", detail)
    _check_within(case, verdict)
    return posted_minor


def _part(case: Case, refund: Repaid, part: Back, wanted: Refunded | None, verdict: Verdict) -> int:
    """Compare one part; return its effect on the pool if everybody has it as done."""
    name = f"{refund.refund} {part.name}"
    moving = wanted.parts.get((part.sort, part.name)) if wanted is not None else None
    if moving is None:
        if part.state == PAID:
            verdict.breach(LAW, name, "payments has carried it out, split has not asked for it")
    else:
        _check_same(name, part, moving, verdict)
    moved = case.moved.get(f"{refund.account}/{part.number}") if part.amount_minor else None
    if moved is None:
        if part.state == PAID and part.amount_minor:
            verdict.breach(LAW, name, f"done under {part.number}, the institution has nothing of it")
        return 0
    if part.state in {PAID, BACK} and moved.state != part.state:
        verdict.breach(LAW, name, f"{part.state} under {part.number}, the institution has it {moved.state}")
    if part.state in UNDONE and moved.state in EXECUTED:
        verdict.breach(LAW, name, f"{part.state} at payments, {moved.state} at the institution")
    ours = (part.kind, part.receiver, part.amount_minor, refund.currency)
    theirs = (moved.kind, moved.receiver, moved.amount_minor, moved.currency)
    if ours != theirs:
        words = " ".join(map(str, ours)), " ".join(map(str, theirs))
        verdict.breach(LAW, name, f"{words[0]} instructed, {words[1]} moved")
    return effect(moved) if moving is not None and moving.state == DONE and part.state == PAID else 0


def _check_same(name: str, part: Back, moving: Moving, verdict: Verdict) -> None:
    if part.amount_minor != moving.amount_minor or part.kind not in KINDS.get(moving.kind, {moving.kind}):
        ours = f"{part.kind} {part.amount_minor}"
        verdict.breach(LAW, name, f"{ours} at payments, {moving.kind} {moving.amount_minor} at split")
    if part.kind == "return" and part.receiver != moving.account:
        verdict.breach(LAW, name, f"asked of {part.receiver} by payments, of {moving.account} by split")
    if moving.state == DONE and part.state != PAID:
        verdict.breach(LAW, name, f"split has it as done, payments has it {part.state}")
    elif part.state == PAID and moving.state != DONE:
        verdict.miss("refunded", LAW, name, f"done, and split still has it {moving.state}")


def _check_within(case: Case, verdict: Verdict) -> None:
    """Compare what the buyer has got of each payment with what was paid by it."""
    gone: Counter[str] = Counter()
    for refund in case.refunds:
        for part in refund.parts:
            if part.kind == "refund" and part.state == PAID:
                gone[f"{refund.account}/{part.of}"] += part.amount_minor
    paid = {it.payment: it.amount_minor or 0 for it in case.paid}
    for payment, amount in gone.items():
        if amount > paid.get(payment, 0):
            verdict.breach(WITHIN, payment, f"{amount} went back to the buyer, who paid {paid.get(payment, 0)}")
