"""Which mongod is run, and that its data follows it to another port."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ops.runtime import mongod, ports, process
from ops.runtime.fault import ClusterFault


def test_the_mongod_on_path_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mongod"
    mine.write_text("#!/bin/sh\n")
    mine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert mongod.program() == str(mine)


def test_without_any_mongod_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ClusterFault, match="Install MongoDB"):
        mongod.program()


@pytest.mark.infra
def test_a_replica_set_whose_port_was_taken_opens_on_another(tmp_path: Path) -> None:
    for visit in range(2):
        port = ports.choose(("mongo",))["mongo"]
        log = tmp_path / "mongo.log"
        command = mongod.command(mongod.program(), tmp_path / "data", port)
        started = process.start(command, log=log, cwd=tmp_path, env={}, tied=True)
        try:
            mongod.wait(started, log, port)
            with MongoClient[dict[str, Any]](mongod.url(port)) as client:
                client["split"]["orders"].insert_one({"visit": visit})
                assert client["split"]["orders"].count_documents({}) == visit + 1
        finally:
            process.stop([started], mongod.STOP_GRACE_S)
