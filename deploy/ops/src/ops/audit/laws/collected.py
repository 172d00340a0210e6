"""Orders that their sellers collect: how the sellers come by their own, and what the end of a channel's freeze did."""

from typing import Final

from ops.audit.case import Case, Verdict
from ops.audit.rows import Divided, Instructed
from ops.audit.shapes import of_document

FINISH: Final = "finish"
SELLER: Final = "merchant:"
CHECKED: Final = "checked"
"""A payout that was final, and of which the institution is asked once more."""


def judge(case: Case, verdict: Verdict) -> None:
    """Check one order; of those that a pool or the platform collects there is nothing to check."""
    order = case.divided
    if order is None or not order.collected:
        return
    for payout in case.payouts:
        _check_legs(payout, order, verdict)
        if payout.kind == FINISH and any(
            _is_before(it, payout) and it.waits not in ("", CHECKED) for it in case.payouts
        ):
            detail = "it was asked for while an earlier payout of the order was not final"
            verdict.breach("finish_last", payout.payout, detail)
    _check_ends(order, verdict)


def _check_legs(payout: Instructed, order: Divided, verdict: Verdict) -> None:
    """Check that a finish pays the sellers and nobody else, and that nothing else pays them their own."""
    own = {it for it in order.shares if it.part and it.path == it.receiver and it.path.startswith(SELLER)}
    sellers, legs = {it.receiver for it in own}, {f"{of_document(order.order)}/{it.path}/{it.part}" for it in own}
    for leg in payout.legs:
        if payout.kind == FINISH and leg.receiver not in sellers:
            verdict.breach("finish_last", leg.id, f"{payout.payout} finishes, and {leg.receiver} is no collector")
        if payout.kind != FINISH and leg.id in legs:
            verdict.breach("finish_last", leg.id, f"{payout.payout} pays a collector's own, and is no finish")


def _is_before(one: Instructed, other: Instructed) -> bool:
    return int(one.payout.rpartition(".")[2]) < int(other.payout.rpartition(".")[2])


def _check_ends(order: Divided, verdict: Verdict) -> None:
    booked = sorted(it.id for it in order.unfrozen)
    if booked != sorted(order.unfrozen_told):
        detail = f"told of {', '.join(order.unfrozen_told) or 'none'}, booked {', '.join(booked) or 'none'}"
        verdict.breach("freeze_end_booked", order.order, detail)
    for it in order.unfrozen:
        if it.owed_minor > it.amount_minor:
            detail = f"{it.id} gave {it.amount_minor}, of which {it.owed_minor} would be owed"
            verdict.breach("freeze_end_booked", order.order, detail)
