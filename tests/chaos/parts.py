"""The cluster of one chaos run: real processes that may be ended and started again on the same ports and data.

Everything is tied to this process and dies with it. Starting does not wait: what comes too early has to cope.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, PyMongoError
from tests.chaos.plan import INSTITUTION, KAFKA, MONGO, SECOND, SERVICES
from tests.infra.local import ROOT

from ops.runtime import kafka, mongod, passwords, ports, process, services, users
from shared.topics import Topics, apply

REPLICAS: Final = (*SERVICES, *(service + SECOND for service in SERVICES))
LOOK_S: Final = 0.1
ANSWER_S_MAX: Final = 2.0
LIMITS: Final = {"SESSION_TIMEOUT_MS": "6000", "INSTITUTION_TIMEOUT_S": "2"}
"""Settings of a small machine: a killed consumer is missed after 6 s (15 s by itself), an answer after 2 s (10 s).

More than one fault would otherwise fall into the time in which the last one is not even noticed.
"""


class Parts:
    """Kafka, mongod, the institution, and up to two replicas of each service."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = LIMITS) -> None:
        """Prepare them; `settings` are those of every service, without its name before them."""
        self.folder: Final = folder
        self._settings: Final = settings
        self._ports = ports.choose((KAFKA, "controller", MONGO, INSTITUTION, *REPLICAS))
        self._starts: Counter[str] = Counter()
        self._running: dict[str, process.Started] = {}
        self._locks = {part: asyncio.Lock() for part in (KAFKA, MONGO, INSTITUTION, *REPLICAS)}
        self._jars = kafka.install(ROOT / "deploy" / "kafka")
        self._properties = kafka.prepare(self._jars, folder / "kafka", self._ports[KAFKA], self._ports["controller"])
        self._passwords = passwords.ensured(folder / passwords.FOLDER, users.ALL)
        self.stubborn: list[str] = []
        """Parts that did not stop in their time when told to."""
        self.urls: Final = {
            "kafka": f"127.0.0.1:{self._ports[KAFKA]}",
            "mongo": self._mongo(users.ADMIN),
            "institution": self.address(INSTITUTION),
            **{service: self.address(service) for service in SERVICES},
        }

    def audit_url(self) -> str:
        """Return the URL of MongoDB with the user who may only read."""
        return self._mongo(users.AUDIT)

    def address(self, part: str) -> str:
        """Return where a part answers HTTP."""
        return f"http://127.0.0.1:{self._ports[part]}"

    def log(self, part: str) -> Path:
        """Return the log of a part since its last start."""
        return self.folder / "logs" / f"{part}.{self._starts[part]}.log"

    async def up(self) -> None:
        """Start everything but the second replicas, and return when all are ready."""
        for part in (KAFKA, MONGO):
            await self.start(part)
        await asyncio.gather(
            asyncio.to_thread(kafka.wait, self._running[KAFKA], self.log(KAFKA)),
            asyncio.to_thread(mongod.wait, self._running[MONGO], self.log(MONGO), self._ports[MONGO], self._passwords),
        )
        await apply(Topics.load(ROOT / "deploy" / "topics.yaml"), self.urls["kafka"])
        for part in (INSTITUTION, *SERVICES):
            await self.start(part)
        await self.ready()

    async def ready(self) -> None:
        """Return when everything that should run is ready."""
        waiting = {part: it for part, it in self._running.items() if part not in (KAFKA, MONGO)}
        addresses = {part: self.address(part) for part in waiting}
        await asyncio.to_thread(services.wait, waiting, addresses, self.folder / "logs", lambda _: None)

    def running(self) -> dict[str, process.Started]:
        """Return what should run now."""
        return dict(self._running)

    async def serving(self, part: str) -> None:
        """Return when a part has come up: an engine serves, a first replica answers HTTP, a second one has joined."""
        while True:
            if part in self._running and await asyncio.to_thread(self._serves, part):
                return
            await asyncio.sleep(LOOK_S)

    async def start(self, part: str) -> None:
        """Start a part; do not wait for it."""
        async with self._locks[part]:
            self._starts[part] += 1
            # Not in a thread: the kernel ties the process to the thread that starts it.
            self._running[part] = process.start(
                self._command(part), log=self.log(part), cwd=ROOT, env=self._environment(part), tied=True
            )

    async def kill(self, part: str) -> None:
        """End a part at once, with everybody's connections."""
        async with self._locks[part]:
            await asyncio.to_thread(process.kill, self._running.pop(part))

    async def stop(self, part: str) -> None:
        """Ask a part to end, and wait for it."""
        async with self._locks[part]:
            if await asyncio.to_thread(process.stop, [self._running.pop(part)], services.STOP_GRACE_S):
                self.stubborn.append(part)

    async def step_down(self, seconds: int) -> None:
        """Have the primary step down; being alone it is elected again after these seconds."""
        async with self._locks[MONGO]:
            await asyncio.to_thread(self._step_down, seconds)

    def down(self) -> None:
        """End everything at once."""
        running, self._running = self._running, {}
        for it in running.values():
            process.kill(it)

    def _serves(self, part: str) -> bool:
        if part == KAFKA:
            return kafka.STARTED in self.log(part).read_bytes()
        if part != MONGO:
            probe = "readyz" if part.endswith(SECOND) else "livez"
            try:
                return httpx.get(f"{self.address(part)}/{probe}", timeout=ANSWER_S_MAX).is_success
            except httpx.HTTPError:
                return False
        with MongoClient[dict[str, object]](
            self.urls["mongo"], serverSelectionTimeoutMS=1_000, directConnection=True
        ) as client:
            try:
                return bool(client.admin.command("hello")["isWritablePrimary"])
            except PyMongoError:
                return False

    def _step_down(self, seconds: int) -> None:
        with MongoClient[dict[str, object]](self.urls["mongo"], directConnection=True) as client:
            try:
                client.admin.command("replSetStepDown", seconds, secondaryCatchUpPeriodSecs=0, force=True)
            except AutoReconnect:
                return  # some versions close every connection with it

    def _command(self, part: str) -> list[str]:
        if part == KAFKA:
            return kafka.command(self._jars, self._properties)
        if part == MONGO:
            key = self.folder / passwords.FOLDER / passwords.KEYFILE
            return mongod.command(mongod.program(), self.folder / "mongo", self._ports[MONGO], key)
        return services.command(part.removesuffix(SECOND), self._ports[part])

    def _environment(self, part: str) -> dict[str, str]:
        if part in (KAFKA, MONGO):
            return {}
        if part == INSTITUTION:
            return services.institution_environment(self.folder)
        service = part.removesuffix(SECOND)
        mine = {f"{service.upper()}_{name}": limit for name, limit in self._settings.items()}
        return services.environment(service, self.urls | {"mongo": self._mongo(service)}) | mine

    def _mongo(self, user: str) -> str:
        return passwords.url_of(mongod.url(self._ports[MONGO]), user, self._passwords[user])
