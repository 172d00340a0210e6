"""What a step of a process meets: nothing, in calm weather. Storms are in tests/simulation/storm.py.

A step is one request of a process to MongoDB, Kafka or an institution: the only places where it waits for others.
"""

import asyncio
from typing import Literal

from tests.simulation.clock import Process

Place = Literal["read", "write", "commit", "outside", "produce", "fetch", "ack", "channel"]
"""Where a step is: inside a transaction, at its end, or outside of one; at Kafka; at an institution."""

Fault = Literal["crash_after", "lost", "unanswered", "abort", "away", "late", "refused"]
"""How a request ends that is not simply done.

`crash_after`: it is done, and the process dies before it hears of it. `lost`: it never arrives. `unanswered`: it is
done and its answer is lost. `abort`: the server ends the transaction. `away`: nobody answers. `late`: it is done after
all patience. `refused`: the other side says no.
"""


class Weather:
    """Calm: every request is done and answered."""

    async def step(self, process: Process | None, place: Place, what: str) -> Fault | None:  # noqa: ARG002 - a storm uses them
        """Wait until the request is with its server; return what goes wrong with it. The process may die here."""
        await asyncio.sleep(0)
        return None

    async def pause(self, seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    async def die(self, process: Process | None) -> None:
        """Kill the process whose step this is; never return."""
        raise NotImplementedError

    def later(self, low: float, high: float) -> float:
        """Return how many seconds something takes."""
        return low + (high - low) / 2

    def likely(self, chance: float) -> bool:
        """Tell whether something that happens so often happens now."""
        return chance >= 1
