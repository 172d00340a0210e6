"""Whether the extra receivers of an order form a tree that can be paid. What each gets is split's rule."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from shared.messages import ExtraReceiver, PaidOrder
from shared.money import AMOUNT_MINOR_MAX, BASIS_POINTS

LEAVES_MAX: Final = 50
"""Of one order: merchants and extra receivers below whom nobody stands (money.md 3.5)."""

DEPTH_MAX: Final = 5
"""Levels below a merchant or the freight (money.md 3.5)."""


def leaves(order: PaidOrder) -> int:
    """Return how many of those who are paid have nobody below them. Expects each receiver to stand there once."""
    everybody = {f"merchant:{line.merchant}" for line in order.lines}
    everybody.update(f"receiver:{receiver.receiver}" for receiver in order.receivers)
    return len(everybody.difference(receiver.parent for receiver in order.receivers))


def invalid_receiver(order: PaidOrder) -> str | None:
    """Return what is wrong with a receiver's parent or value, or None. Expects each receiver to stand there once."""
    roots = {"freight"} | {f"merchant:{line.merchant}" for line in order.lines}
    parents = {f"receiver:{receiver.receiver}": receiver.parent for receiver in order.receivers}
    for receiver in order.receivers:
        problem = _value_problem(receiver) or _way_problem(receiver.parent, parents, roots)
        if problem is not None:
            return f"receiver {receiver.receiver}: {problem}"
    return _siblings_problem(order.receivers)


def _value_problem(receiver: ExtraReceiver) -> str | None:
    if receiver.share == "percent" and receiver.value > BASIS_POINTS:
        return f"{receiver.value} basis points are more than the whole"
    if receiver.share == "fixed" and receiver.value > AMOUNT_MINOR_MAX:
        return f"{receiver.value} is above {AMOUNT_MINOR_MAX} minor units"
    return None


def _siblings_problem(receivers: Iterable[ExtraReceiver]) -> str | None:
    """Tell what no amount makes right: split would hold such a share for ever, and its order could not be corrected."""
    percents, remainders = Counter[str](), Counter[str]()
    for receiver in receivers:
        percents[receiver.parent] += receiver.value if receiver.share == "percent" else 0
        remainders[receiver.parent] += receiver.share == "remainder"
        if percents[receiver.parent] > BASIS_POINTS:
            return f"receivers below {receiver.parent} get more than the whole"
        if remainders[receiver.parent] > 1:
            return f"two receivers below {receiver.parent} get the remainder"
    return None


def _way_problem(parent: str, parents: dict[str, str], roots: set[str]) -> str | None:
    # Walking at most DEPTH_MAX levels up ends in every tree, and in every circle too.
    for _ in range(DEPTH_MAX):
        if parent in roots:
            return None
        if parent not in parents:
            return f"its parent {parent} is no merchant, freight or receiver of this order"
        parent = parents[parent]
    return f"it stands more than {DEPTH_MAX} levels deep, or in a circle"
