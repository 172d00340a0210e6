"""The cluster as processes of this machine: what is started in which order, and stopped in the reverse one."""

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ops.runtime import kafka, keys, mongod, passwords, ports, process, services, users
from ops.runtime import state as states
from ops.runtime.fault import ClusterFault
from ops.runtime.interface import Part, Tell
from ops.runtime.state import SANDBOX, SERVICES, State, Way
from shared.topics import Topics, TopicsError, apply

ENGINES: Final = ("kafka", "mongo")
PROCESSES: Final = (*ENGINES, SANDBOX, *SERVICES)
PORTS: Final = (*PROCESSES, "kafka-controller")


class Local:
    """The cluster of the clone `home`, under `home/.weir`. `tied`: it dies with this command, however that ends."""

    def __init__(self, home: Path, *, tied: bool = False) -> None:
        self._home = home
        self._tied = tied
        self._folder = home / states.FOLDER
        self._logs = self._folder / "logs"
        self._files = self._folder / "data"
        self._secrets = self._folder / passwords.FOLDER
        self._keys = self._folder / keys.FOLDER

    @property
    def data(self) -> str:
        """The folder of Kafka's, MongoDB's and the institution's files."""
        return str(self._files)

    def is_up(self) -> bool:
        """Say whether every process runs."""
        state = states.load(self._folder)
        return state is not None and self._all_run(state)

    def up(self, tell: Tell) -> State:
        """Start what is needed and return when every part is ready."""
        with states.lock(self._folder):
            state = states.load(self._folder) or State(runtime=Way.LOCAL)
            state.runtime = Way.LOCAL
            if self._all_run(state):
                return state
            self._stop(state, tell)  # a part has died, or the machine was restarted: begin anew
            try:
                self._start(state, tell)
            except BaseException:
                self._stop(state, tell)
                raise
            return state

    def down(self, tell: Tell) -> bool:
        """Stop services, then the institution, then Kafka, then mongod."""
        with states.lock(self._folder):
            state = states.load(self._folder)
            return self._stop(state, tell) if state else False

    def reset(self, tell: Tell) -> None:
        """Stop, and delete data, logs and what was sent."""
        self.down(tell)
        with states.lock(self._folder):
            states.clear(self._folder)

    def parts(self) -> list[Part]:
        """Return every process and whether it serves."""
        state = states.load(self._folder) or State(runtime=Way.LOCAL)
        return [self._part(state, name) for name in PROCESSES]

    @staticmethod
    def _all_run(state: State) -> bool:
        return all(process.alive(state.processes.get(name)) for name in PROCESSES)

    def _part(self, state: State, name: str) -> Part:
        started = state.processes.get(name)
        url = state.urls.get(_address(name), "")
        log = str(self._logs / f"{name}.log")
        if started is None or not process.alive(started):
            return Part(name, "stopped", url, None, log)
        serves = ports.is_open(state.ports[name]) if name in ENGINES else services.ready(url)
        return Part(name, "ready" if serves else "running", url, started.pid, log)

    def _start(self, state: State, tell: Tell) -> None:
        state.ports = ports.choose(PORTS, state.ports)
        state.run = uuid.uuid4().hex[:8]
        state.running = True
        state.urls = {
            "kafka": f"127.0.0.1:{state.ports['kafka']}",
            "mongo": mongod.url(state.ports["mongo"]),
            **{_address(name): f"http://127.0.0.1:{state.ports[name]}" for name in (SANDBOX, *SERVICES)},
        }
        self._start_engines(state, tell)
        try:
            asyncio.run(apply(Topics.load(self._home / "deploy" / "topics.yaml"), state.urls["kafka"]))
        except TopicsError as error:
            raise ClusterFault(str(error)) from error
        self._start_services(state, tell)

    def _start_engines(self, state: State, tell: Tell) -> None:
        tell("starting Kafka and MongoDB")
        known = passwords.ensured(self._secrets, users.ALL)
        key, data, port = self._secrets / passwords.KEYFILE, self._files / "mongo", state.ports["mongo"]
        mongo = self._spawn(state, "mongo", mongod.command(mongod.program(), data, port, key))
        jars = kafka.install(self._home / "deploy" / "kafka", tell)
        broker, controller = state.ports["kafka"], state.ports["kafka-controller"]
        properties = kafka.prepare(jars, self._files / "kafka", broker, controller)
        broker_process = self._spawn(state, "kafka", kafka.command(jars, properties))
        mongod.wait(mongo, self._logs / "mongo.log", port, known)
        tell(f"MongoDB is ready at {state.urls['mongo']}")
        kafka.wait(broker_process, self._logs / "kafka.log")
        tell(f"Kafka is ready at {state.urls['kafka']}")

    def _start_services(self, state: State, tell: Tell) -> None:
        tell("starting the sandbox institution and the four services")
        keys.ensured(self._keys)
        self._spawn(
            state,
            SANDBOX,
            services.command(SANDBOX, state.ports[SANDBOX]),
            services.institution_environment(self._files, self._keys),
        )
        known = passwords.ensured(self._secrets, users.ALL)
        for name in SERVICES:
            own = state.urls | {"mongo": passwords.url_of(state.urls["mongo"], name, known[name])}
            variables = services.environment(name, own, keys=self._keys)
            self._spawn(state, name, services.command(name, state.ports[name]), variables)
        started = {name: state.processes[name] for name in (SANDBOX, *SERVICES)}
        addresses = {name: state.urls[_address(name)] for name in started}
        services.wait(started, addresses, self._logs, lambda name: tell(f"{name} is ready at {addresses[name]}"))

    def _spawn(
        self, state: State, name: str, command: Sequence[str], env: dict[str, str] | None = None
    ) -> process.Started:
        log = self._logs / f"{name}.log"
        started = process.start(command, log=log, cwd=self._home, env=env or {}, tied=self._tied)
        # Written at once: should this command be killed now, `weir down` still knows the process.
        state.processes[name] = started
        states.save(self._folder, state)
        return started

    def _stop(self, state: State, tell: Tell) -> bool:
        """Stop what runs, in order. A process that is not ours any more (the machine was restarted) is left alone."""
        ran = False
        for names, grace_s in (
            (SERVICES, services.STOP_GRACE_S),
            ((SANDBOX,), services.STOP_GRACE_S),
            (("kafka",), kafka.STOP_GRACE_S),
            (("mongo",), mongod.STOP_GRACE_S),
        ):
            running = {it: state.processes[it] for it in names if process.alive(state.processes.get(it))}
            if running:
                ran = True
                tell(f"stopping {', '.join(running)}")
                killed = process.stop(list(running.values()), grace_s)
                for name in (name for name, started in running.items() if started in killed):
                    tell(f"{name} did not stop in {grace_s:.0f} s and was killed")
        state.processes = {}
        state.running = False
        states.save(self._folder, state)
        return ran


def _address(name: str) -> str:
    """Return the name that a part's address goes by: the sandbox is the institution, as a real one would be."""
    return "institution" if name == SANDBOX else name
