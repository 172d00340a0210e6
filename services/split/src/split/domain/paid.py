"""What the buyer really paid for each line and its freight: adjustments and surcharges apportioned exactly.

A refund is stated in these terms, and never above them (money.md 5).
"""

from collections.abc import Iterable

import msgspec

from shared.messages import Adjustment, OrderLine, SplitRequested
from shared.money import allocate

PLATFORM_FEE = "platform:fee"


class Paid(msgspec.Struct, frozen=True, gc=False):
    """What was paid for the goods of a line, or for its freight. `surcharge_minor` of it went to the platform."""

    line_id: str
    freight: bool
    merchant: str
    paid_minor: int
    surcharge_minor: int = 0


def paid_for(order: SplitRequested) -> tuple[Paid, ...]:
    """Return what the buyer paid for each line's goods, then for the freight of those that have any.

    An adjustment of a line is that line's; one of the order, and what a line's discounts are more than its goods, is
    divided over the goods in proportion, by largest remainder, and over the freight where they do not reach. The sum is
    what was paid.
    """
    own = {line.line_id: line.amount_minor for line in order.lines}
    for it in order.adjustments:
        if it.line_id is not None:
            own[it.line_id] += it.amount_minor
    rest = sum(it.amount_minor for it in order.adjustments if it.line_id is None)
    rest += sum(amount for amount in own.values() if amount < 0)
    goods = [max(0, amount) for amount in own.values()]
    freight = [line.freight_minor for line in order.lines]
    if rest >= 0:
        added = allocate(rest, goods) if any(goods) else allocate(rest, freight)
        goods = [amount + more for amount, more in zip(goods, added, strict=True)]
    else:
        reached = min(-rest, sum(goods))
        goods = [amount - less for amount, less in zip(goods, allocate(reached, goods), strict=True)]
        beyond = allocate(-rest - reached, freight)
        freight = [amount - less for amount, less in zip(freight, beyond, strict=True)]
    surcharges = _surcharges(order.lines, order.adjustments, goods)
    found = [
        Paid(line.line_id, False, line.merchant, amount, min(amount, surcharge))  # noqa: FBT003 - a field, in its order
        for line, amount, surcharge in zip(order.lines, goods, surcharges, strict=True)
    ]
    for line, amount in zip(order.lines, freight, strict=True):
        if line.freight_minor:
            found.append(Paid(line.line_id, True, line.merchant, amount))  # noqa: FBT003 - a field, in its order
    return tuple(found)


def _surcharges(lines: Iterable[OrderLine], adjustments: Iterable[Adjustment], goods: list[int]) -> list[int]:
    """Return what of each line's goods was the platform's surcharge."""
    ids = [line.line_id for line in lines]
    found = dict.fromkeys(ids, 0)
    whole = 0
    for it in adjustments:
        if it.amount_minor > 0 and not it.party.startswith("merchant:"):
            if it.line_id is None:
                whole += it.amount_minor
            else:
                found[it.line_id] += it.amount_minor
    return [own + part for own, part in zip(found.values(), allocate(whole, goods), strict=True)]
