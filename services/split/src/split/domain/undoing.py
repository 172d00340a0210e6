"""What refunds have taken of an order so far, as a pass over it has to know: of each item, and of the freight."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.messages import SplitRequested
from split.domain.anatomy import Anatomy, Borne, anatomy
from split.domain.items import Item
from split.domain.orders import Order
from split.domain.pots import Facts
from split.domain.reversals import borne


class Undoing(msgspec.Struct, frozen=True):
    """What refunds have taken of an order: of each item, and of the freight for the logistics chain, by party."""

    whole: Anatomy
    borne: Borne
    chain_left: Mapping[str, int] | None

    def left_of(self, merchant: str, parts: Sequence[Item]) -> list[Item]:
        """Return a merchant's items without what refunds have taken of them."""
        body = next(it for it in self.whole.bodies if it.pot.merchant == merchant)
        return [self.whole.left_of(body, it, self.borne) for it in parts]


def undoing(order: Order, request: SplitRequested, facts: Facts) -> Undoing | None:
    """Return what refunds have taken of an order; None when there was none."""
    refunded = [line for it in order.known_refunds if it.planned for line in it.lines]
    if not refunded:
        return None
    whole = anatomy(order, request, facts)
    taken = borne(whole.parts, refunded)
    return Undoing(whole, taken, whole.chain_left(taken) if whole.chain_divides else None)
