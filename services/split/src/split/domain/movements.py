"""What an institution moved by itself for an order: chargebacks, reversals, refunds in its console, freezes' ends.

The money is gone, or back, before Weir hears of it: it is booked at once, and borne as a refund would be (money.md 5).
"""

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

Moved = Literal["chargeback", "chargeback_reversed", "console_refund", "auto_unfreeze"]

MOVEMENTS_MAX: Final = 100
SUSPENSE: Final = "suspense"
UNFREEZE: Final = "auto_unfreeze"
"""The end of a freeze: the channel gave what was left of a payment to the seller who collects (see collectors.py)."""
DEPOSIT: Final = "deposit:"
"""What a reference begins with that makes money a merchant's deposit."""
OPEN_MAX: Final = timedelta(days=120)
"""How long a chargeback counts as open where its end is never told: card networks' longest disputes take so long."""


class Movement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One movement; minor units. `reverses` is the chargeback that is taken back, `cause` the event's id.

    `receiver`: who got what the channel unfroze, `merchant:<id>`.
    """

    movement_id: str
    kind: Moved
    currency: str
    amount_minor: int
    payment_id: str = ""
    reverses: str = ""
    receiver: str = ""
    moved_at: datetime
    cause: str
    hash: str

    @property
    def identity(self) -> str:
        """What makes it one movement of its order."""
        return f"{self.kind}/{self.movement_id}"

    @property
    def refund_id(self) -> str:
        """The id under which it is borne: the channel's own may be as long as a refund's may be."""
        return f"{'cr' if self.kind == 'console_refund' else 'cb'}:{self.cause}"


def of_account(kind: str, account: str, amount_minor: int, reference: str, paid_minor: int) -> dict[str, int]:
    """Return the entries for money that belongs to no order, minor units by account; `paid_minor` is some debtor's.

    What comes in with the reference `deposit:<merchant>` is that merchant's deposit; whatever else is not known to be
    anybody's waits in suspense (挂账), below zero where the institution took it.
    """
    comes = kind not in ("chargeback", "console_refund")
    amount = amount_minor if comes else -amount_minor
    entries = {f"channel:clearing/{account}": -amount}
    merchant = reference.removeprefix(DEPOSIT)
    known = kind == "inbound" and merchant != reference and merchant and "/" not in merchant
    owner = f"deposit/{merchant}" if known else f"{SUSPENSE}/{account}"
    if rest := amount - paid_minor:
        entries[owner] = rest
    return entries
