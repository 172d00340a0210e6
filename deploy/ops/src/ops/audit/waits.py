"""How many orders are where, and since when the oldest of each has been there."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from ops.places import Place
from ops.places import Tally as Places

WAITING: Final = ("held", "waiting", "dlq", "parked")
"""Places from which an order goes on: by an institution's answer, an operator, a deadline, or by itself."""


@dataclass(slots=True)
class Tally:
    """Counts by place, with the earliest time of each that waits."""

    places: Places = field(default_factory=Places)
    oldest_ms: dict[Place, int] = field(default_factory=dict)

    def add(self, place: Place, since_ms: int) -> None:
        """Count an order."""
        self.places.add(place)
        if place.name in WAITING and since_ms:
            self.oldest_ms[place] = min(since_ms, self.oldest_ms.get(place, since_ms))

    def join(self, other: "Tally") -> None:
        """Take what was counted elsewhere."""
        self.places.orders += other.places.orders
        self.places.counts = Counter(self.places.counts) + other.places.counts
        for place, since_ms in other.oldest_ms.items():
            self.oldest_ms[place] = min(since_ms, self.oldest_ms.get(place, since_ms))

    def answer(self, now_ms: int) -> list[dict[str, Any]]:
        """Return what waits, why, and for how many seconds the oldest has; None where nobody knows."""
        return [
            {
                "place": place.name,
                "reason": place.detail,
                "orders": count,
                "oldest_s": max(0.0, (now_ms - self.oldest_ms[place]) / 1000) if place in self.oldest_ms else None,
            }
            for place, count in sorted(self.places.counts.items())
            if place.name in WAITING
        ]
