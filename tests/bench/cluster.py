"""A cluster of the bench's own: Kafka, mongod, the institution and what is measured, in a scratch folder.

It shares nothing with the cluster of `weir up`, and is stopped and deleted however the run ends.
"""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.bench import scrape
from tests.bench.floor import prepare as floor

from ops.runtime import kafka, mongod, ports, process, services
from ops.runtime.fault import ClusterFault
from ops.runtime.state import SANDBOX, SERVICES
from shared.topics import Topics, apply

ROOT: Final = Path(__file__).parents[2]
ENGINES: Final = ("kafka", "mongo")

type Tell = Callable[[str], None]


class Cluster:
    """The engines and the institution; `start_services` adds Weir to them, `start` any other process.

    `environment` is laid over that of every service.
    """

    def __init__(self, tell: Tell, environment: Mapping[str, str] | None = None) -> None:
        """Start nothing yet: that is what entering does."""
        self._tell = tell
        self._environment = dict(environment or {})
        self.folder = Path(tempfile.mkdtemp(prefix="weir-bench-"))
        self.processes: dict[str, process.Started] = {}
        self.urls: dict[str, str] = {}
        self.side = "weir"
        self._replicas: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Start the engines and the institution."""
        try:
            self._start_engines()
            self._serve(SANDBOX, SANDBOX)
            self.urls["institution"] = self._replicas.pop(SANDBOX)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, in order, and delete the folder."""
        self._stop()

    def start_services(self, replicas: int = 1) -> None:
        """Start so many copies of each of the four services."""
        self._tell("starting the four services" + (f", {replicas} of each" if replicas > 1 else ""))
        for service in SERVICES:
            for number in range(1, replicas + 1):
                name = service if number == 1 else f"{service}-{number}"
                self._serve(service, name, wait=False)
            self.urls[service] = self._replicas[service]
        self._wait(self._replicas)

    def start_floor(self) -> None:
        """Start the floor's four processes."""
        self._tell("starting the floor")
        self.side = "floor"
        asyncio.run(floor.prepare(self.urls["mongo"]))
        addresses = [self.urls[part] for part in ("kafka", "mongo", "institution")]
        for name in SERVICES:
            self.start(name, python("tests.bench.floor", name, *addresses))

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Path:
        """Start a process of this run; return its log."""
        log = self.folder / "logs" / f"{name}.log"
        self.processes[name] = process.start(command, log=log, cwd=ROOT, env=environment or {}, tied=True)
        return log

    def stop(self, name: str) -> None:
        """Stop one process."""
        process.stop([self.processes.pop(name)], services.STOP_GRACE_S)

    def pids(self) -> dict[str, int]:
        """Return what runs, by name.

        Raises:
            ClusterFault: something has ended that should run.

        """
        for name, started in self.processes.items():
            if not process.alive(started):
                log = self.folder / "logs" / f"{name}.log"
                message = f"{name} has ended; the end of its log:\n{process.tail(log)}"
                raise ClusterFault(message)
        return {name: started.pid for name, started in self.processes.items()}

    def counted(self) -> scrape.Counted:
        """Return what the measured processes have counted so far."""
        if self.side == "weir":
            return scrape.scraped(self._replicas)
        logs = {name: (self.folder / "logs" / f"{name}.log").read_text() for name in SERVICES}
        return {name: scrape.told(log) for name, log in logs.items()}

    def _start_engines(self) -> None:
        self._tell("starting Kafka, MongoDB and the institution")
        chosen = ports.choose((*ENGINES, "controller"))
        self.urls = {"kafka": f"127.0.0.1:{chosen['kafka']}", "mongo": mongod.url(chosen["mongo"])}
        # Its cache as on a server: with 1 GB it wrote the same pages again and again (docs/benchmarks.md).
        server = mongod.command(mongod.program(), self.folder / "mongo", chosen["mongo"], cache_gb=None)
        mongo_log = self.start("mongo", server)
        jars = kafka.install(ROOT / "deploy" / "kafka", self._tell)
        properties = kafka.prepare(jars, self.folder / "kafka", chosen["kafka"], chosen["controller"])
        kafka_log = self.start("kafka", kafka.command(jars, properties))
        mongod.wait(self.processes["mongo"], mongo_log, chosen["mongo"])
        kafka.wait(self.processes["kafka"], kafka_log)
        asyncio.run(apply(Topics.load(ROOT / "deploy" / "topics.yaml"), self.urls["kafka"]))

    def _serve(self, service: str, name: str, *, wait: bool = True) -> None:
        port = ports.choose((name,))[name]
        own = (
            services.institution_environment(self.folder)
            if service == SANDBOX
            else services.environment(service, self.urls)
        )
        environment = {**self._environment, **own}
        self.start(name, services.command(service, port), environment)
        self._replicas[name] = f"http://127.0.0.1:{port}"
        if wait:
            self._wait({name: self._replicas[name]})

    def _wait(self, addresses: Mapping[str, str]) -> None:
        started = {name: self.processes[name] for name in addresses}
        services.wait(started, addresses, self.folder / "logs", lambda _: None)

    def _stop(self) -> None:
        self._tell("stopping")
        others = [it for it in self.processes if it not in ENGINES and it != SANDBOX]
        for names, grace_s in (
            (others, services.STOP_GRACE_S),
            ([SANDBOX], services.STOP_GRACE_S),
            (["kafka"], kafka.STOP_GRACE_S),
            (["mongo"], mongod.STOP_GRACE_S),
        ):
            process.stop([self.processes[it] for it in names if it in self.processes], grace_s)
        shutil.rmtree(self.folder, ignore_errors=True)


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this clone."""
    return [sys.executable, "-m", module, *arguments]
