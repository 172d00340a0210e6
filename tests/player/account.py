"""What the player did, in minor units: the institution's side of money back, to hold the books of split against."""

from collections import Counter
from typing import Final

import msgspec

from shared.messages import ChannelMoved

OUT: Final = frozenset({"chargeback", "console_refund", "auto_unfreeze"})
"""Movements by which a pool loses money; by the others it gets some."""


class Account(msgspec.Struct):
    """Of one account at the institution in one currency: by receiver, kind of funding, payment and kind of movement.

    What was sent back by a buyer's bank is no longer among what was refunded.
    """

    returned: Counter[str] = msgspec.field(default_factory=Counter)
    funded: Counter[str] = msgspec.field(default_factory=Counter)
    refunded: Counter[str] = msgspec.field(default_factory=Counter)
    moved: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def pool_minor(self) -> int:
        """By how much all this has changed the pool."""
        came = self.returned.total() + self.funded["marketing"] + self.funded["advance"]
        moved = sum(-amount if kind in OUT else amount for kind, amount in self.moved.items())
        return came - self.funded["marketing_back"] - self.refunded.total() + moved

    def move(self, event: ChannelMoved) -> None:
        """Note a movement."""
        self.moved[event.kind] += event.amount_minor
