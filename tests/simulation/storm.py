"""Bad weather, drawn from a seed: how long each step takes, which step fails and how, who dies where."""

import random
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, NoReturn

from tests.simulation.clock import Process, VirtualLoop
from tests.simulation.weather import Fault, Place, Weather

Trouble = Literal["crash", "stall"] | Fault

TROUBLES: Final[Mapping[Place, Sequence[Trouble]]] = {
    "read": ("crash", "lost", "abort", "stall"),
    "write": ("crash", "crash_after", "lost", "unanswered", "abort", "stall"),
    "commit": ("crash", "crash_after", "lost", "unanswered", "abort", "stall"),
    "outside": ("crash", "crash_after", "lost", "unanswered", "stall"),
    "produce": ("crash", "crash_after", "lost", "late", "unanswered", "refused", "stall"),
    "fetch": ("crash", "stall"),
    "ack": ("crash", "crash_after", "lost", "unanswered", "stall"),
    "channel": ("crash", "crash_after", "lost", "unanswered", "refused", "late", "stall"),
}
"""What can happen where. A crash is before the request is done, `crash_after` when it is done and not yet known."""

STORE: Final = frozenset[Place]({"read", "write", "commit", "outside"})
AWAY_S: Final = 5.0
"""After how long the driver gives up to look for a primary."""

NEVER: Final = 1 << 40


class Climate(NamedTuple):
    """What one schedule is like. `gap`: steps of one place between two troubles, on average; `slow_s`: the slowest."""

    troubles: frozenset[Trouble]
    gap: float
    slow_chance: float
    slow_s: float
    stall_s: float


class Storm(Weather):
    """Bad until `calm` is called; how long things take is always uncertain."""

    def __init__(self, loop: VirtualLoop, draw: random.Random, climate: Climate, trace: list[str] | None) -> None:
        self.store_away = False
        self._loop = loop
        self._draw = draw
        self._climate = climate
        self._trace = trace
        self._troubles = {
            place: tuple(
                it for it in possible if it.removesuffix("_after") in climate.troubles or it in climate.troubles
            )
            for place, possible in TROUBLES.items()
        }
        self._left: dict[Place, int] = {place: self._gap() if it else NEVER for place, it in self._troubles.items()}

    def calm(self) -> None:
        """Let nothing go wrong any more, and nothing take long."""
        self._climate = self._climate._replace(slow_chance=0.0)
        self._left = dict.fromkeys(self._left, NEVER)
        self.store_away = False

    def note(self, who: str, what: str) -> None:
        """Write a line of the trace."""
        if self._trace is not None:
            self._trace.append(f"{self._loop.time():12.6f} {who:<16} {what}")

    async def step(self, process: Process | None, place: Place, what: str) -> Fault | None:
        """Take a moment; perhaps die, stand still, or fail."""
        trouble: Trouble | None = None
        left = self._left[place] - 1
        if left <= 0:
            trouble = self._draw.choice(self._troubles[place])
            left = self._gap()
        self._left[place] = left
        if self._trace is not None:
            self.note(process.name if process else "world", f"{what} {trouble or ''}".rstrip())
        await self._loop.pause(self._moment())
        if place in STORE and self.store_away:
            await self._loop.pause(AWAY_S)
            if self.store_away:
                return "away"
        if trouble == "crash":
            await self.die(process)
        elif trouble == "stall":
            if process is not None:
                process.stall(self._draw.uniform(0.5, self._climate.stall_s))
                await self._loop.pause(0.0)
        elif trouble is not None:
            return trouble
        return None

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await self._loop.pause(seconds)

    async def die(self, process: Process | None) -> NoReturn:
        """Kill the process whose step this is; never return."""
        if process is not None:
            self.note(process.name, "dies")
            process.kill()
        await self._loop.create_future()
        raise AssertionError

    def later(self, low: float, high: float) -> float:
        """Return how many seconds something takes."""
        return self._draw.uniform(low, high)

    def likely(self, chance: float) -> bool:
        """Tell whether something that happens so often happens now."""
        return self._draw.random() < chance

    def _moment(self) -> float:
        chance = self._draw.random()
        if chance < self._climate.slow_chance:
            return self._draw.random() * self._climate.slow_s
        return 0.001 + chance * 0.01

    def _gap(self) -> int:
        return 1 + int(self._draw.expovariate(1 / self._climate.gap))
