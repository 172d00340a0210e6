"""Every leg in the eyes of split, payments, the institution and merchant: requested, carried out and stated once."""

from typing import Final, NamedTuple

from ops.audit.case import Case, Verdict
from ops.audit.rows import Instructed, Leg, Moved, Stated
from ops.audit.shapes import of_document
from ops.audit.shapes.institution import EXECUTED, POOL, effect

OPEN: Final = frozenset({"created", "sending", "accepted", "unknown"})
UNDONE: Final = frozenset({"failed", "cancelled"})
PAID: Final = "succeeded"
BACK: Final = "returned"
POSTED: Final = frozenset({"paid", "succeeded"})
"""How split calls what it has booked as paid: a share, a subsidy."""

UNDER_WAY: Final = "in_transit"
STATED: Final = "paid"
TAKEN_BACK: Final = "returned"
"""Kinds of a statement's entries: a leg was paid, and came back from the bank."""


class Told(NamedTuple):
    """A share or subsidy as split asked for it. A subsidy's attempts are payments' own: 0."""

    state: str
    amount_minor: int
    receiver: str
    attempt: int


class Side(NamedTuple):
    """A leg in one payout, and what the institution did under its number."""

    payout: Instructed
    leg: Leg
    moved: Moved | None


class Sides(NamedTuple):
    """One leg, or subsidy, from every side."""

    told: list[Told]
    sent: list[Side]
    stated: list[Stated]

    @property
    def posted(self) -> bool:
        """Whether split has it as paid."""
        return any(it.state in POSTED for it in self.told)


def judge(case: Case, verdict: Verdict) -> int:
    """Compare all sides of every leg; return what the institution did to the pool of what the books have as done."""
    posted_minor = 0
    _check_lines(case, verdict)
    for leg_id, sides in _sides_of(case).items():
        _check_once(leg_id, sides, verdict)
        _check_same(leg_id, sides, verdict)
        _check_posted(leg_id, sides, verdict)
        _check_stated(leg_id, sides, verdict)
        for it in sides.sent:
            _check_moved(leg_id, it, verdict)
            if it.moved is not None and sides.posted and it.leg.state == PAID:
                posted_minor += effect(it.moved)
    return posted_minor


def _check_lines(case: Case, verdict: Verdict) -> None:
    """Compare the shares of each merchant that were released line by line: no line is in two of them."""
    seen: set[tuple[str, str]] = set()
    for share in case.divided.shares if case.divided is not None else ():
        for line in share.lines:
            if (share.path, line) in seen:
                verdict.breach("line_released_once", case.order, f"line {line} is in several shares of {share.path}")
            seen.add((share.path, line))


def _sides_of(case: Case) -> dict[str, Sides]:
    found: dict[str, Sides] = {}
    if case.divided is not None:
        document = of_document(case.order)
        for share in case.divided.shares:
            if share.part and share.attempt:
                told = Told(share.state, share.amount_minor, share.receiver, share.attempt)
                _of(found, f"{document}/{share.path}/{share.part}").told.append(told)
        for owed in case.divided.subsidies:
            _of(found, owed.id).told.append(Told(owed.state, owed.amount_minor, "", 0))
    for payout in case.payouts:
        for leg in payout.legs:
            moved = case.moved.get(f"{payout.account}/{leg.number}") if leg.amount_minor else None
            _of(found, leg.id).sent.append(Side(payout, leg, moved))
    for line in case.stated:
        _of(found, line.leg).stated.append(line)
    return found


def _of(found: dict[str, Sides], leg_id: str) -> Sides:
    sides = found.get(leg_id)
    if sides is None:
        sides = found[leg_id] = Sides([], [], [])
    return sides


def _check_once(leg_id: str, sides: Sides, verdict: Verdict) -> None:
    paid = sum(1 for it in sides.sent if it.leg.state == PAID)
    verdict.duplicated += max(0, paid - 1)
    holding = [it.payout.payout for it in sides.sent if it.leg.state == PAID or it.leg.state in OPEN]
    if len(holding) > 1:
        verdict.breach(
            "leg_paid_once", leg_id, f"open or paid in {len(holding)} payouts: {', '.join(sorted(holding)[:3])}"
        )
    kept = [it for it in sides.sent if it.moved is not None and it.moved.state in EXECUTED and it.leg.state != BACK]
    if len(kept) > 1:
        verdict.duplicated += max(0, len(kept) - max(1, paid))
        verdict.breach("leg_paid_once", leg_id, f"the institution paid it {len(kept)} times")


def _check_same(leg_id: str, sides: Sides, verdict: Verdict) -> None:
    law = "leg_as_requested"
    if sides.sent and not sides.told:
        verdict.breach(law, leg_id, "payments pays it, split has no such share")
    if len(sides.told) > 1:
        verdict.breach(law, leg_id, f"split has {len(sides.told)} shares under this id")
    for it in sides.sent:
        for wanted in sides.told:
            # An attempt that failed may have been for more: since then a debt was netted.
            amount = wanted.amount_minor if wanted.attempt in (0, it.leg.attempt) else it.leg.amount_minor
            if (it.leg.amount_minor, it.leg.receiver) != (amount, wanted.receiver):
                ours = f"{it.leg.receiver} {it.leg.amount_minor}"
                verdict.breach(law, leg_id, f"{ours} at payments, {wanted.receiver} {wanted.amount_minor} at split")


def _check_posted(leg_id: str, sides: Sides, verdict: Verdict) -> None:
    law = "leg_as_requested"
    paid = any(it.leg.state == PAID for it in sides.sent)
    for wanted in sides.told:
        if wanted.state in POSTED:
            if not paid:
                verdict.breach(law, leg_id, "split has it as paid, payments has not")
        elif paid:
            verdict.miss("posted", law, leg_id, f"paid, and split still has it {wanted.state}")
        elif wanted.state == UNDER_WAY:
            for it in sides.sent:
                if it.leg.state in UNDONE and it.leg.attempt == wanted.attempt:
                    detail = f"{it.leg.state} in attempt {wanted.attempt}, and split still has it {wanted.state}"
                    verdict.miss("posted", law, leg_id, detail)


def _check_stated(leg_id: str, sides: Sides, verdict: Verdict) -> None:
    law = "leg_stated"
    paid = sum(1 for it in sides.sent if it.leg.state == PAID and it.leg.receiver)
    amounts = [line.amount_minor for line in sides.stated if line.kind == STATED]
    standing = len(amounts) - sum(1 for line in sides.stated if line.kind == TAKEN_BACK)
    if standing > paid:
        verdict.duplicated += standing - max(1, paid)
        verdict.breach(law, leg_id, f"it stands on statements {standing} times, and was paid {paid} times")
    elif standing < paid:
        verdict.miss("stated", law, leg_id, "paid, and no statement has it")
    known = {it.leg.amount_minor for it in sides.sent if it.leg.state in (PAID, BACK)}
    known = known or {it.leg.amount_minor for it in sides.sent}
    for amount in amounts:
        if known and amount not in known:
            verdict.breach(law, leg_id, f"a statement says {amount}, {min(known)} was paid")


def _check_moved(leg_id: str, it: Side, verdict: Verdict) -> None:
    law, leg, moved = "leg_as_requested", it.leg, it.moved
    if moved is None:
        if leg.state == PAID and leg.amount_minor:
            verdict.breach(law, leg_id, f"paid under {leg.number}, the institution has nothing of it")
        return
    if leg.state == PAID and moved.state != PAID:
        verdict.breach(law, leg_id, f"paid under {leg.number}, the institution has it {moved.state}")
    if leg.state in UNDONE and moved.state in EXECUTED:
        verdict.breach(law, leg_id, f"{leg.state} at payments, {moved.state} at the institution")
    receiver = leg.receiver or POOL
    if (leg.amount_minor, receiver, it.payout.currency) != (moved.amount_minor, moved.receiver, moved.currency):
        told = f"{receiver} {leg.amount_minor} {it.payout.currency} instructed"
        verdict.breach(law, leg_id, f"{told}, {moved.receiver} {moved.amount_minor} {moved.currency} moved")
