"""MongoDB mapping of split: orders, the ledger, merchants' copies, who waits for them, receivers, refunds."""

from typing import Final

from shared.mongo import Index
from split.store import (
    approvals,
    books,
    byhand,
    charges,
    checkpoints,
    guards,
    lates,
    merchants,
    movements,
    orders,
    receivers,
    refunds,
    rulesets,
    stops,
    wakes,
)

INDEXES: Final[dict[str, list[Index]]] = {
    **approvals.INDEXES,
    **orders.INDEXES,
    **books.INDEXES,
    **byhand.INDEXES,
    **charges.INDEXES,
    **checkpoints.INDEXES,
    **guards.INDEXES,
    **lates.INDEXES,
    **merchants.INDEXES,
    **movements.INDEXES,
    **receivers.INDEXES,
    **refunds.INDEXES,
    **rulesets.INDEXES,
    **stops.INDEXES,
    **wakes.INDEXES,
}
"""All collections, those without an index of their own included: a transaction must not have to make one."""
