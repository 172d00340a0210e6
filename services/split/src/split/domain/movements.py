"""What an institution moved by itself for an order: a chargeback and its reversal, a refund made in its console.

The money is gone, or back, before Weir hears of it: it is booked at once, and borne as a refund would be (money.md 5).
"""

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

Moved = Literal["chargeback", "chargeback_reversed", "console_refund"]

MOVEMENTS_MAX: Final = 100
OPEN_MAX: Final = timedelta(days=120)
"""How long a chargeback counts as open where its end is never told: card networks' longest disputes take so long."""


class Movement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One movement; minor units. `reverses` is the chargeback that is taken back, `cause` the event's id."""

    movement_id: str
    kind: Moved
    amount_minor: int
    payment_id: str = ""
    reverses: str = ""
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
