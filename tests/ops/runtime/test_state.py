"""What is written between two commands, and who may change it."""

from pathlib import Path

import pytest

from ops.runtime import state as states
from ops.runtime.fault import ClusterFault
from ops.runtime.process import Started
from ops.runtime.state import State, Way


def test_the_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(
        runtime=Way.LOCAL,
        running=True,
        run="abc",
        ports={"kafka": 20_000},
        urls={"kafka": "127.0.0.1:20000"},
        processes={"kafka": Started(pid=1, created=2.5, command=("java",))},
    )
    states.save(tmp_path, state)
    assert states.load(tmp_path) == state


def test_a_clone_that_never_ran_a_cluster_has_no_state(tmp_path: Path) -> None:
    assert states.load(tmp_path) is None


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"runtime": "loc')
    with pytest.raises(ClusterFault, match="is damaged"):
        states.load(tmp_path)


def test_two_commands_cannot_change_the_cluster_at_once(tmp_path: Path) -> None:
    with states.lock(tmp_path):
        with pytest.raises(ClusterFault, match="another command"), states.lock(tmp_path):
            pass
        states.clear(tmp_path)
    with states.lock(tmp_path):
        pass


def test_clearing_deletes_data_and_state(tmp_path: Path) -> None:
    states.save(tmp_path, State(runtime=Way.LOCAL))
    (tmp_path / "data" / "kafka").mkdir(parents=True)
    states.clear(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_command_outside_a_clone_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClusterFault, match="not a clone of Weir"):
        states.home()
