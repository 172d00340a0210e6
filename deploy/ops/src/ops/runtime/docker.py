"""The cluster as containers, through `docker compose`. What is in them is said in compose.yaml and its Dockerfile."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from ops.runtime import passwords, ports, services, users
from ops.runtime import state as states
from ops.runtime.fault import ClusterFault
from ops.runtime.interface import Part, Tell
from ops.runtime.state import SANDBOX, SERVICES, State, Way

CONTAINERS: Final = ("kafka", "mongo", SANDBOX, *SERVICES)
"""Compose's names of the parts; each is published on 127.0.0.1 at the port in `<PART>_PORT`."""

LOG_LINES: Final = 15
KEYFILE_VARIABLE: Final = "MONGO_KEYFILE"
UNKNOWN: Final = "unknown"
"""Stands for a password where compose asks for one and starts nothing."""


class Docker:
    """The cluster of the clone `home` as one compose project; its data lives in the project's volumes."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder = home / states.FOLDER
        self._secrets = self._folder / passwords.FOLDER
        # Two clones on one machine are two projects.
        self._project = f"weir-{hashlib.sha256(bytes(home)).hexdigest()[:8]}"

    @property
    def data(self) -> str:
        """The volumes of the project."""
        return f"volumes {self._project}_*"

    def is_up(self) -> bool:
        """Say whether every container runs."""
        return set(CONTAINERS) <= {it["Service"] for it in self._containers() if it["State"] == "running"}

    def up(self, tell: Tell) -> State:
        """Build the images, start the containers, and return when every service is ready."""
        with states.lock(self._folder):
            state = states.load(self._folder) or State(runtime=Way.DOCKER)
            state.runtime = Way.DOCKER
            if not self.is_up():
                state.ports = ports.choose(CONTAINERS, state.ports)
                state.urls = _urls(state.ports)
                state.running = True
                states.save(self._folder, state)
                passwords.ensured(self._secrets, users.ALL)
                tell("building the images and starting the containers")
                try:
                    self._compose(state, "up", "--build", "--detach")
                    self._wait(state, tell)
                except BaseException:
                    self._down(state)
                    raise
            return state

    def down(self, tell: Tell) -> bool:
        """Stop and remove the containers; the volumes stay."""
        with states.lock(self._folder):
            ran = bool(self._containers())
            if ran:
                tell("stopping the containers")
            self._down(states.load(self._folder) or State(runtime=Way.DOCKER))
            return ran

    def reset(self, tell: Tell) -> None:
        """Remove the containers and their volumes."""
        with states.lock(self._folder):
            tell("removing the containers and their volumes")
            self._down(states.load(self._folder) or State(runtime=Way.DOCKER), "--volumes")
            states.clear(self._folder)

    def parts(self) -> list[Part]:
        """Return every container and whether it serves."""
        state = states.load(self._folder) or State(runtime=Way.DOCKER)
        found = {it["Service"]: it for it in self._containers()}
        return [self._part(state, name, found.get(name, {})) for name in CONTAINERS]

    def _part(self, state: State, name: str, container: dict[str, Any]) -> Part:
        url = state.urls.get("institution" if name == SANDBOX else name, "")
        log = f"docker compose --project-name {self._project} logs {name}"
        if container.get("State") != "running":
            return Part(name, "stopped", url, None, log)
        serves = services.ready(url) if url.startswith("http") else container.get("Health") in ("healthy", "")
        return Part(name, "ready" if serves else "running", url, None, log)

    def _wait(self, state: State, tell: Tell) -> None:
        deadline = time.monotonic() + services.READY_TIMEOUT_S
        waiting = [SANDBOX, *SERVICES]
        while waiting:
            for name in list(waiting):
                url = _urls(state.ports)["institution" if name == SANDBOX else name]
                if services.ready(url):
                    waiting.remove(name)
                    tell(f"{name} is ready at {url}")
            if waiting and time.monotonic() > deadline:
                logs = self._compose(state, "logs", "--tail", str(LOG_LINES), *waiting)
                msg = f"{', '.join(waiting)} did not become ready; the end of the logs:\n{logs}"
                raise ClusterFault(msg)
            time.sleep(0.2)

    def _down(self, state: State, *options: str) -> None:
        self._compose(state, "down", "--remove-orphans", *options)
        state.running = False
        states.save(self._folder, state)

    def _containers(self) -> list[dict[str, Any]]:
        answer = self._compose(State(runtime=Way.DOCKER), "ps", "--all", "--format", "json").strip()
        # One object a line, or (before compose 2.21) one array.
        return json.loads(answer) if answer.startswith("[") else [json.loads(line) for line in answer.splitlines()]

    def _compose(self, state: State, *arguments: str) -> str:
        if (docker := shutil.which("docker")) is None:
            msg = "Docker is missing. Install Docker with compose, or Java 17 and Maven and leave out RUNTIME=docker."
            raise ClusterFault(msg)
        published = {f"{name.upper()}_PORT": str(port) for name, port in state.ports.items() if name in CONTAINERS}
        done = subprocess.run(  # noqa: S603 - built here, from no outside input
            [docker, "compose", "--project-name", self._project, *arguments],
            cwd=self._home,
            env={**os.environ, **published, **self._passwords()},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            msg = f"`docker compose {' '.join(arguments)}` failed:\n{done.stderr.strip()}"
            raise ClusterFault(msg)
        return done.stdout

    def _passwords(self) -> dict[str, str]:
        """Return the variables of compose.yaml that have a password: to nothing else are they handed."""
        wanted = {users.variable(user): user for user in users.ALL} | {KEYFILE_VARIABLE: passwords.KEYFILE}
        return {variable: passwords.of(self._secrets, name) or UNKNOWN for variable, name in wanted.items()}


def _urls(published: dict[str, int]) -> dict[str, str]:
    return {
        "kafka": f"127.0.0.1:{published['kafka']}",
        # Direct: the set knows its member by its name in compose's network, which this machine does not.
        "mongo": f"mongodb://127.0.0.1:{published['mongo']}/?directConnection=true",
        "institution": f"http://127.0.0.1:{published[SANDBOX]}",
        **{name: f"http://127.0.0.1:{published[name]}" for name in SERVICES},
    }
