"""Where the command line looks for a cluster."""

from pathlib import Path

import pytest

from ops.addresses import MONGO_FOR_REQUESTS, NoClusterError, load
from ops.runtime import passwords


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


def test_mongodb_is_reached_as_who_may_only_read_but_for_an_operators_request(tmp_path: Path) -> None:
    path = state(tmp_path, '{"urls": {"mongo": "mongodb://127.0.0.1:27018/?replicaSet=rs0"}}')
    known = passwords.ensured(tmp_path / passwords.FOLDER, ("audit", "operator"))
    found = load({}, path)
    assert found.found("mongo") == f"mongodb://audit:{known['audit']}@127.0.0.1:27018/?replicaSet=rs0"
    assert found.found(MONGO_FOR_REQUESTS).startswith(f"mongodb://operator:{known['operator']}@")
    assert known["audit"] not in repr(found)


def test_a_given_mongodb_is_used_as_it_is(tmp_path: Path) -> None:
    path = state(tmp_path, '{"urls": {"mongo": "mongodb://127.0.0.1:27018"}}')
    passwords.ensured(tmp_path / passwords.FOLDER, ("audit", "operator"))
    found = load({"WEIR_MONGO_URL": "mongodb://me:mine@db/"}, path)
    assert {found.found("mongo"), found.found(MONGO_FOR_REQUESTS)} == {"mongodb://me:mine@db/"}


def test_the_variable_of_mongodb_is_named_where_there_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(NoClusterError, match="WEIR_MONGO_URL"):
        load({}, tmp_path / "none.json").found(MONGO_FOR_REQUESTS)
