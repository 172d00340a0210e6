"""A Kafka of one test's own, that may be killed and started again on the same port. The session's belongs to all.

Clients go to the address that a broker gives of itself, so a proxy in front of one cannot stand for its outage.
"""

import asyncio
from pathlib import Path
from typing import Final

from tests.infra.local import ROOT

from ops.runtime import kafka, ports, process


class Broker:
    """One local Kafka process."""

    def __init__(self, folder: Path) -> None:
        chosen = ports.choose(("broker", "controller"))
        self.bootstrap: Final = f"127.0.0.1:{chosen['broker']}"
        self._folder = folder
        self._jars = kafka.install(ROOT / "deploy" / "kafka")
        self._properties = kafka.prepare(self._jars, folder, chosen["broker"], chosen["controller"])
        self._started: process.Started | None = None

    async def start(self) -> None:
        """Start it, unless it runs, and wait until it serves."""
        if self._started is not None:
            return
        log = self._folder / "kafka.log"
        command = kafka.command(self._jars, self._properties)
        self._started = process.start(command, log=log, cwd=self._folder, env={}, tied=True)
        await asyncio.to_thread(kafka.wait, self._started, log)

    async def kill(self) -> None:
        """End it at once, with everybody's connections."""
        await asyncio.to_thread(self.end)

    def end(self) -> None:
        """End it, outside of a test."""
        if self._started is not None:
            process.stop([self._started], 0)
            self._started = None
