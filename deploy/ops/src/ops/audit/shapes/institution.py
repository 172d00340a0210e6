"""The institution's own record: what its pages and answers say, and what a transfer does to the pool."""

from typing import Any, Final

from ops.audit.rows import Moved, Paid, Received, Transferred

EXECUTED: Final = ("succeeded", "accepted")
SUCCEEDED: Final = "succeeded"
SUBSIDY: Final = "subsidy"
POOL: Final = "pool"


def received(account: str, it: dict[str, Any]) -> Received:
    """Return a buyer's payment."""
    return Received(f"{account}/{it['payment_id']}", it["amount_minor"], it["fee_minor"], it["currency"])


def transferred(account: str, it: dict[str, Any]) -> Transferred:
    """Return a transfer."""
    number = f"{account}/{it['number']}"
    return Transferred(number, it["state"], it["kind"], it["receiver"], it["currency"], it["amount_minor"])


def paid(order: str, payment: str, it: Received | None) -> Paid:
    """Return a payment that an order claims, as the institution has it."""
    if it is None:
        return Paid(order, payment, None, 0, "")
    return Paid(order, payment, it.amount_minor, it.fee_minor, it.currency)


def moved(order: str, it: Transferred) -> Moved:
    """Return a transfer brought to its order."""
    return Moved(order, it.number, it.state, it.kind, it.receiver, it.currency, it.amount_minor)


def effect(it: Moved | Transferred) -> int:
    """Return what a transfer did to the pool: a payout takes from it, a subsidy adds to it."""
    if it.kind == SUBSIDY:
        return it.amount_minor if it.state == SUCCEEDED else 0
    return -it.amount_minor if it.state in EXECUTED else 0
