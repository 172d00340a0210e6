"""Where the command line looks for a cluster."""

from pathlib import Path

import pytest

from ops.addresses import NoClusterError, load


def state(folder: Path, text: str) -> Path:
    path = folder / "state.json"
    path.write_text(text)
    return path


def test_the_environment_wins_over_the_state_file_one_by_one(tmp_path: Path) -> None:
    path = state(tmp_path, '{"urls": {"mongo": "mongodb://a", "kafka": "a:1", "split": "http://a"}}')
    found = load({"WEIR_KAFKA_BOOTSTRAP": "b:2", "WEIR_SPLIT_URL": "http://b/"}, path)
    assert (found.found("kafka"), found.found("split"), found.found("mongo")) == ("b:2", "http://b", "mongodb://a")


def test_without_a_cluster_the_message_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(NoClusterError, match="WEIR_INSTITUTION_URL"):
        load({}, tmp_path / "none.json").found("institution")


def test_a_damaged_state_file_is_said_to_be_damaged(tmp_path: Path) -> None:
    with pytest.raises(NoClusterError, match="damaged"):
        load({}, state(tmp_path, "{"))


def test_a_cluster_that_was_stopped_is_not_looked_for(tmp_path: Path) -> None:
    path = state(tmp_path, '{"running": false, "urls": {"kafka": "a:1"}}')
    with pytest.raises(NoClusterError, match="weir up"):
        load({}, path).found("kafka")
