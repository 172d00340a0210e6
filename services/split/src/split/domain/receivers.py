"""Who else is paid out of a share: trees of receivers below a merchant, the freight, or one another (money.md 3.5).

A tree that cannot be paid exactly as it says is not paid at all; its reason comes from a closed set.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from shared.messages import ExtraReceiver
from shared.money import BASIS_POINTS, allocate

LEVELS_MAX: Final = 5
"""Below a merchant or the freight (money.md 3.5)."""

LEAVES_MAX: Final = 50
"""Of one order: sellers and extra receivers below whom nobody stands (money.md 3.5)."""

FREIGHT: Final = "freight"


class Portion(msgspec.Struct, frozen=True, gc=False):
    """What a receiver gets out of its parent's share, and how much of that it passes on to receivers below it."""

    receiver: str
    taken_minor: int
    passed_on_minor: int


class Divided(msgspec.Struct, frozen=True, gc=False):
    """A share after its receivers: what stays with its owner, and everybody's portion, parents before children."""

    stays_minor: int
    portions: tuple[Portion, ...] = ()


class Trees:
    """The extra receivers of one order, by parent. Reading it changes nothing."""

    def __init__(self, receivers: Sequence[ExtraReceiver], merchants: Sequence[str]) -> None:
        self._below: dict[str, list[ExtraReceiver]] = {}
        self._times: dict[str, int] = {}
        for receiver in receivers:
            self._below.setdefault(receiver.parent, []).append(receiver)
            self._times[receiver.receiver] = self._times.get(receiver.receiver, 0) + 1
        self.mistake = self._mistake(merchants) if receivers else ""

    def divide(self, root: str, amount_minor: int) -> Divided | str:
        """Return how the share of `root` (`merchant:<id>` or `freight`) divides, exactly; or why it cannot.

        The freight belongs to nobody else: what its receivers leave over is `freight_not_covered`.
        """
        if root not in self._below:
            return "freight_chain_missing" if root == FREIGHT else Divided(amount_minor)
        portions: list[Portion] = []
        stays = self._divide(root, amount_minor, 1, portions)
        if isinstance(stays, str):
            return stays
        if root == FREIGHT and stays:
            return "freight_not_covered"
        return Divided(stays, tuple(portions))

    def stated(self, root: str) -> Iterator[ExtraReceiver]:
        """Give what was stated of everybody below a root, in the order of the portions of a share that divides."""
        for child in self._below.get(root, ()):
            yield child
            yield from self.stated(f"receiver:{child.receiver}")

    def below(self, root: str) -> set[str]:
        """Return everybody below a root, however deep."""
        found: set[str] = set()
        open_ = [root]
        while open_:
            children = {child.receiver for child in self._below.get(open_.pop(), ())} - found
            found |= children
            open_.extend(f"receiver:{child}" for child in children)
        return found

    def _divide(self, parent: str, amount: int, level: int, portions: list[Portion]) -> int | str:
        """Add the portions below a parent; return what it keeps, or the reason why not."""
        children = self._below[parent]
        if level > LEVELS_MAX:
            return "receivers_too_deep"
        taken = _portions(children, amount)
        if isinstance(taken, str):
            return taken
        for child, portion in zip(children, taken, strict=True):
            passed_on = 0
            place = len(portions)
            if (own := f"receiver:{child.receiver}") in self._below:
                if self._times[child.receiver] > 1:
                    return "receivers_ambiguous"
                stays = self._divide(own, portion, level + 1, portions)
                if isinstance(stays, str):
                    return stays
                passed_on = portion - stays
            portions.insert(place, Portion(child.receiver, portion, passed_on))
        return amount - sum(taken)

    def _mistake(self, merchants: Sequence[str]) -> str:
        """Return why no share of this order is paid: too many leaves, or a receiver of whom nobody says whose money."""
        roots = {FREIGHT, *(f"merchant:{merchant}" for merchant in merchants)}
        known = {f"receiver:{receiver}" for receiver in self._times}
        inner = sum(self._times[parent.partition(":")[2]] for parent in self._below.keys() & known)
        sellers = len(roots - self._below.keys() - {FREIGHT})
        if sellers + sum(self._times.values()) - inner > LEAVES_MAX:
            return "receivers_too_many"
        if self._below.keys() - roots - known:
            return "receivers_parent_unknown"
        reached: set[str] = set()
        open_ = [parent for parent in self._below if parent in roots]
        while open_:
            parent = open_.pop()
            reached.add(parent)
            below = (f"receiver:{child.receiver}" for child in self._below[parent])
            open_.extend(child for child in below if child in self._below and child not in reached)
        return "receivers_cycle" if self._below.keys() - reached else ""


def _portions(children: Sequence[ExtraReceiver], amount_minor: int) -> list[int] | str:
    """Return each child's amount: percents of the whole by largest remainder, fixed amounts, then the remainder."""
    percents = [child.value for child in children if child.share == "percent"]
    if sum(percents) > BASIS_POINTS:
        return "percents_above_whole"
    if sum(child.share == "remainder" for child in children) > 1:
        return "remainders_twice"
    *by_percent, rest = allocate(amount_minor, [*percents, BASIS_POINTS - sum(percents)])
    rest -= sum(child.value for child in children if child.share == "fixed")
    if rest < 0:
        return "fixed_above_share"
    amounts = iter(by_percent)
    return [
        next(amounts) if child.share == "percent" else child.value if child.share == "fixed" else rest
        for child in children
    ]
