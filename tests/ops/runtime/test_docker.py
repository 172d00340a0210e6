"""The cluster as containers, against a `docker` that only writes down what it is asked. The real one: the demo."""

import json
import re
from pathlib import Path

import pytest

from ops.runtime import passwords, services, users
from ops.runtime import state as states
from ops.runtime.docker import CONTAINERS, KEYFILE_VARIABLE, Docker
from ops.runtime.fault import ClusterFault

ROOT = Path(__file__).parents[3]


class FakeDocker:
    """A program `docker` that appends its arguments to a file and answers `ps` from another."""

    def __init__(self, folder: Path) -> None:
        """Write the program."""
        self._asked, self._answer = folder / "asked", folder / "answer"
        self.shows()
        note = f'echo "$KAFKA_PORT $@ $MONGO_SPLIT_PASSWORD." >> {self._asked}'
        answer = f'case "$*" in *" ps "*) /bin/cat {self._answer};; esac'
        (folder / "docker").write_text(f"#!/bin/sh\n{note}\n{answer}\n")
        (folder / "docker").chmod(0o755)

    def shows(self, *running: str) -> None:
        """Answer `ps` with these containers, one JSON object a line."""
        lines = [json.dumps({"Service": name, "State": "running", "Health": "healthy"}) for name in running]
        self._answer.write_text("\n".join(lines))

    @property
    def asked(self) -> str:
        """All that was asked so far."""
        return self._asked.read_text()


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDocker:
    """Give a fake docker, the only program on PATH, behind which every service is ready."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(services, "ready", lambda _: True)
    return FakeDocker(tmp_path / "bin")


def test_up_publishes_on_chosen_ports_and_says_where(docker: FakeDocker, tmp_path: Path) -> None:
    state = Docker(tmp_path).up(lambda _: None)
    assert f"{state.ports['kafka']} compose --project-name weir-" in docker.asked
    assert "up --build --detach" in docker.asked
    assert state.urls["kafka"] == f"127.0.0.1:{state.ports['kafka']}"
    assert set(state.urls) == {"kafka", "mongo", "institution", *states.SERVICES}


def test_up_hands_over_passwords_that_no_command_and_no_state_shows(docker: FakeDocker, tmp_path: Path) -> None:
    state = Docker(tmp_path).up(lambda _: None)
    password = passwords.of(tmp_path / ".weir" / "secrets", "split")
    assert password is not None
    assert f"up --build --detach {password}." in docker.asked
    assert password not in repr(state)
    assert password not in (tmp_path / ".weir" / "state.json").read_text()


def test_looking_at_containers_makes_no_password(docker: FakeDocker, tmp_path: Path) -> None:
    docker.shows("kafka")
    Docker(tmp_path).parts()
    assert not (tmp_path / ".weir").exists()


def test_compose_asks_for_every_password_and_no_other() -> None:
    asked = set(re.findall(r"\$\{(MONGO_\w+):\?", (ROOT / "compose.yaml").read_text()))
    assert asked == {users.variable(user) for user in users.ALL} | {KEYFILE_VARIABLE}
    listed = re.findall(r"^#(MONGO_\w+)=$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert set(listed) == asked


def test_up_on_running_containers_changes_nothing(docker: FakeDocker, tmp_path: Path) -> None:
    docker.shows(*CONTAINERS)
    Docker(tmp_path).up(lambda _: None)
    assert " up " not in docker.asked


def test_a_missing_container_is_shown_as_stopped(docker: FakeDocker, tmp_path: Path) -> None:
    docker.shows("kafka", "mongo", "split")
    found = {part.name: part.state for part in Docker(tmp_path).parts()}
    assert found["kafka"] == "ready"
    assert found["payments"] == "stopped"


def test_down_keeps_the_volumes_and_reset_removes_them(docker: FakeDocker, tmp_path: Path) -> None:
    docker.shows("kafka")
    cluster = Docker(tmp_path)
    assert cluster.down(lambda _: None)
    assert "--volumes" not in docker.asked
    cluster.reset(lambda _: None)
    assert "down --remove-orphans --volumes" in docker.asked
    assert not (tmp_path / ".weir" / "state.json").exists()


def test_two_clones_are_two_projects(docker: FakeDocker, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Docker(tmp_path / name).is_up()
    projects = {line.split("--project-name ")[1].split()[0] for line in docker.asked.splitlines()}
    assert len(projects) == 2


def test_without_docker_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterFault, match="Docker is missing"):
        Docker(tmp_path).up(lambda _: None)
