"""MongoDB mapping of payments: orders, claims, payouts, refunds, merchants' copies. Each index is beside its query."""

from typing import Final

from payments.store import bindings, callbacks, channel_accounts, handovers, movements, orders, payouts, refunds
from shared.mongo import Index

INDEXES: Final[dict[str, list[Index]]] = {
    **orders.INDEXES,
    **payouts.INDEXES,
    **refunds.INDEXES,
    **handovers.INDEXES,
    **callbacks.INDEXES,
    **channel_accounts.INDEXES,
    **movements.INDEXES,
    **bindings.INDEXES,
    "merchants": [],
}
"""All collections, those without an index of their own included: a transaction must not have to make one."""
