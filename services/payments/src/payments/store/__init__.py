"""MongoDB mapping of payments: orders and claims, payouts, merchants' copies. Every index stands beside its query."""

from typing import Final

from payments.store import bindings, callbacks, channel_accounts, handovers, movements, orders, payouts
from shared.mongo import Index

INDEXES: Final[dict[str, list[Index]]] = {
    **orders.INDEXES,
    **payouts.INDEXES,
    **handovers.INDEXES,
    **callbacks.INDEXES,
    **channel_accounts.INDEXES,
    **movements.INDEXES,
    **bindings.INDEXES,
    "merchants": [],
}
"""All collections, those without an index of their own included: a transaction must not have to make one."""
