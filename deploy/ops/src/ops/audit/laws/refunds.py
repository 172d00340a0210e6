"""Money back: what refunds of an order leave in each account, and what of it is not to be seen in the order.

A refund takes from what its receivers have available, from their deposits, and at last makes them owe. The order does
not say of whom how much: but what it took there is what it promised the buyer less all that the order does say.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from ops.audit.rows import Divided

REFUNDING: Final = "buyer:refund_in_transit"
RETURNING: Final = "merchant:returning/"
AVAILABLE: Final = "merchant:available/"
DEBT: Final = "merchant:debt/"
DEPOSIT: Final = "deposit/"
ADVANCE: Final = "platform:advance"

UNFROZEN: Final = "unfrozen"
"""How a seller who collects came by its own where its channel gave it by itself."""
REQUESTED: Final = "requested"
DONE: Final = "succeeded"
ADVANCED: Final = "advance"
GIVEN_BACK: Final = "marketing_back"


def add(found: Counter[str], order: Divided, clearing: str) -> None:
    """Add what refunds, and corrections of what was paid too much, leave in each account that the order names."""
    found[ADVANCE] += corrected_minor(order)
    for it in order.refunds:
        found[REFUNDING] += it.promised_minor - it.left_minor
        found[clearing] += it.left_minor
        for part in it.returns:
            if part.state == REQUESTED:
                found[f"{RETURNING}{part.account.partition(':')[2]}"] -= part.amount_minor
            elif part.state == DONE:
                found[clearing] -= part.amount_minor
        for part in it.fundings:
            amount = -part.amount_minor if part.kind == GIVEN_BACK else part.amount_minor
            if part.state == DONE:
                found[clearing] -= amount
            if part.kind == ADVANCED:
                found[ADVANCE] += amount if part.state == DONE else 0
            elif part.state != DONE:
                found[part.account] -= amount


def debt_minor(order: Divided) -> int:
    """Return what an order leaves in the debt accounts of all merchants: what it paid off less what it made."""
    paid_off = sum(share.amount_minor for share in order.shares if share.receiver == ADVANCE)
    made = (part.amount_minor for it in order.refunds for part in it.fundings if part.kind == ADVANCED)
    return paid_off - sum(made) - corrected_minor(order) - sum(it.owed_minor for it in order.unfrozen)


def corrected_minor(order: Divided) -> int:
    """Return what receivers owe of an order because a version of their agreement came late: they had got so much more.

    The share that tells them so is of nothing, and says what it adds to a debt by a netted amount below zero.
    """
    return sum(max(0, -share.netted_minor) for share in order.shares)


def taken_minor(order: Divided) -> int:
    """Return what refunds have taken, from wherever it was."""
    return sum(it.taken_minor for it in order.refunds)


def instructed_minor(order: Divided) -> int:
    """Return by how much less the pool holds for what payments was asked to move for refunds, as split has it done."""
    left = sum(it.left_minor for it in order.refunds if it.own)
    came = sum(it.amount_minor for refund in order.refunds for it in refund.returns if it.state == DONE)
    for it in (it for refund in order.refunds for it in refund.fundings if it.state == DONE):
        came += -it.amount_minor if it.kind == GIVEN_BACK else it.amount_minor
    return left - came


def left_pool_minor(order: Divided) -> int:
    """Return by how much less the pool holds for all that refunds have moved, and ends of freezes have let go."""
    moved: Counter[str] = Counter()
    add(moved, order, "")
    let_go = sum(it.owed_minor for it in order.unfrozen)
    let_go += sum(it.amount_minor for it in order.shares if it.state == "paid" and it.reason == UNFROZEN)
    return moved[""] + let_go


def differing(order: Divided, wanted: Mapping[str, int], booked: Mapping[str, int]) -> list[tuple[str, int, int]]:
    """Return each account in which the books have another amount than the order says: both amounts with it.

    In what is available and deposited the books may have less where a refund was planned: others have used it.
    """
    taken = taken_minor(order)
    found = []
    for account in sorted(wanted.keys() | booked.keys()):
        there, said = booked.get(account, 0), wanted.get(account, 0)
        if account.startswith(DEBT) or there == said:
            continue
        if not (taken and there < said and account.startswith((AVAILABLE, DEPOSIT))):
            found.append((account, there, said))
    there = sum(amount for account, amount in booked.items() if account.startswith(DEBT))
    if there != debt_minor(order):
        found.append((f"{DEBT}*", there, debt_minor(order)))
    return found
