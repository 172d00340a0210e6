"""up, down, reset and status as a person or a script calls them: what they print, and their exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.app import create_app
from ops.output import Code
from ops.runtime import state as states
from ops.runtime.interface import Part
from ops.runtime.state import State, Way

ROOT = Path(__file__).parents[3]
RUNNING = Part("split", "running", "", None, "")


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Call every command in a folder that looks like a clone."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNTIME", raising=False)
    return tmp_path


def weir(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(create_app(), arguments, input=answer)


def test_status_of_no_cluster_says_so_to_people_and_machines() -> None:
    result = weir("status")
    assert (result.exit_code, result.stdout) == (Code.UNREACHABLE, "")
    assert "weir up" in result.stderr
    result = weir("status", "--json")
    assert result.exit_code == Code.UNREACHABLE
    assert json.loads(result.stdout) == {"running": False, "ready": False, "parts": []}


def test_status_lists_every_part_of_a_stopped_cluster(clone: Path) -> None:
    states.save(clone / ".weir", State(runtime=Way.LOCAL))
    result = weir("status", "--json")
    assert result.exit_code == Code.UNREACHABLE
    assert {part["state"] for part in json.loads(result.stdout)["parts"]} == {"stopped"}


def test_down_without_a_cluster_is_no_mistake() -> None:
    result = weir("down", "--json")
    assert result.exit_code == Code.OK
    assert json.loads(result.stdout) == {"stopped": False}


@pytest.mark.parametrize(
    ("arguments", "answer", "kept"), [((), "n\n", True), ((), "y\n", False), (("--yes",), "", False)]
)
def test_reset_deletes_only_when_told_to(clone: Path, arguments: tuple[str, ...], answer: str, *, kept: bool) -> None:
    states.save(clone / ".weir", State(runtime=Way.LOCAL))
    data = clone / ".weir" / "data" / "mongo"
    data.mkdir(parents=True)
    result = weir("reset", *arguments, answer=answer)
    assert data.exists() == kept
    assert result.exit_code == (Code.FAILED if kept else Code.OK)


def test_a_cluster_is_not_started_a_second_way(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states.save(clone / ".weir", State(runtime=Way.DOCKER, running=True))
    monkeypatch.setattr("ops.runtime.docker.Docker.parts", lambda _: [RUNNING])
    result = weir("up")
    assert result.exit_code == Code.FAILED
    assert "RUNTIME=docker: stop it first" in result.stderr


def test_an_unknown_runtime_is_a_mistake_of_the_caller() -> None:
    assert weir("up", "--runtime", "cloud").exit_code == Code.USAGE


def test_a_command_outside_a_clone_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = weir("up")
    assert result.exit_code == Code.FAILED
    assert "not a clone of Weir" in result.stderr
