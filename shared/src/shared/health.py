"""Whether a service lives and whether it is ready. Alive means progress; the outage of a broker kills nobody."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from shared import mongo
from shared.intake import Intake
from shared.metrics import KitMetrics
from shared.mongo import Client

LOOP_LAG_S_MAX: Final = 10.0
BEAT_S: Final = 0.5
HELLO_S_MAX: Final = 2.0
BATCH_S_MAX: Final = 300.0
"""Every step of a batch has a limit of its own; beyond all of them the consumer has left its group and is stuck."""


class Health:
    """Answers /livez and /readyz."""

    def __init__(self, client: Client, intakes: Sequence[Intake[Any]], metrics: KitMetrics) -> None:
        self.started = False
        self.stopping = False
        self.problem: str | None = None
        self._client = client
        self._intakes = intakes
        self._metrics = metrics
        self._beat_at = time.monotonic()
        self._tasks: dict[str, Callable[[], bool]] = {}

    def watch(self, name: str, alive: Callable[[], bool]) -> None:
        """Let the service die (be restarted) when this is no longer alive."""
        self._tasks[name] = alive

    async def beat(self) -> None:
        """Measure how late the event loop runs, for ever."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(BEAT_S)
            self._beat_at = time.monotonic()
            self._metrics.loop_lag_seconds.set(max(0.0, self._beat_at - before - BEAT_S))

    def live(self) -> Mapping[str, str]:
        """Return what is dead; empty means alive."""
        dead = {name: "dead" for name, alive in self._tasks.items() if not alive()}
        dead |= {it.group: f"the same batch for {it.busy_s:.0f} s" for it in self._intakes if it.busy_s > BATCH_S_MAX}
        lag = time.monotonic() - self._beat_at
        if lag > LOOP_LAG_S_MAX:
            dead["event_loop"] = f"{lag:.1f} s late"
        return dead

    async def ready(self) -> Mapping[str, str]:
        """Return what is missing; empty means ready: a MongoDB primary, Kafka, and partitions for every consumer."""
        missing: dict[str, str] = {}
        if self.stopping:
            missing["service"] = "stopping"
        if not self.started:
            missing["start"] = self.problem or "starting"
        try:
            primary = await asyncio.wait_for(mongo.is_primary(self._client), HELLO_S_MAX)
        except TimeoutError:
            primary = False
        if not primary:
            missing["mongodb"] = "no primary answers"
        if not all(intake.backlog.answers for intake in self._intakes):
            missing["kafka"] = "does not answer"
        for intake in self._intakes:
            if not intake.ready:
                missing[intake.group] = "no assignment" if not intake.waiting else "paused"
        return missing
