"""The cluster as processes: the real Kafka and mongod with stand-ins for the services, brought up and down."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer
from pymongo import MongoClient

from ops.runtime import passwords, process, services
from ops.runtime import state as states
from ops.runtime.fault import ClusterFault
from ops.runtime.local import PROCESSES, Local
from ops.runtime.state import State, Way

ROOT = Path(__file__).parents[3]
STANDIN = Path(__file__).with_name("standin.py")

pytestmark = pytest.mark.infra


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Local]:
    """Give a cluster in a folder that looks like a clone; it is stopped whatever happens."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    monkeypatch.setattr(services, "command", lambda _name, port: [sys.executable, str(STANDIN), str(port)])
    it = Local(tmp_path, tied=True)
    yield it
    it.down(lambda _: None)


def mongo(state: State, home: Path, user: str) -> str:
    password = passwords.of(home / states.FOLDER / passwords.FOLDER, user)
    assert password is not None
    return passwords.url_of(state.urls["mongo"], user, password)


def topics(bootstrap: str) -> set[str]:
    async def ask() -> set[str]:
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
            return set(await consumer.topics())

    return asyncio.run(ask())


def test_data_survives_down_and_is_gone_after_reset(cluster: Local, tmp_path: Path) -> None:
    said: list[str] = []
    state = cluster.up(said.append)
    assert [part.state for part in cluster.parts()] == ["ready"] * len(PROCESSES)
    assert "order-paid" in topics(state.urls["kafka"])
    with MongoClient[dict[str, Any]](mongo(state, tmp_path, "split")) as client:
        client["split"]["orders"].insert_one({"_id": "demo/1"})
    assert any("Kafka is ready" in line for line in said)

    assert cluster.up(said.append).run == state.run  # up on a running cluster changes nothing
    assert cluster.down(said.append)
    assert [part.state for part in cluster.parts()] == ["stopped"] * len(PROCESSES)
    assert not cluster.down(said.append)

    again = cluster.up(said.append)
    assert (again.urls, again.ports) == (state.urls, state.ports)
    with MongoClient[dict[str, Any]](mongo(again, tmp_path, "audit")) as client:
        assert client["split"]["orders"].count_documents({}) == 1

    cluster.reset(said.append)
    assert not any(process.alive(started) for started in again.processes.values())
    assert sorted(it.name for it in (tmp_path / ".weir").iterdir()) == ["lock"]


def test_a_part_that_does_not_start_is_shown_and_takes_the_rest_down(
    cluster: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(name: str, port: int) -> list[str]:
        broken = [sys.executable, "-c", "raise SystemExit('no such bank')"]
        return broken if name == "payments" else [sys.executable, str(STANDIN), str(port)]

    monkeypatch.setattr(services, "command", command)
    with pytest.raises(ClusterFault, match="no such bank"):
        cluster.up(lambda _: None)
    assert [part.state for part in cluster.parts()] == ["stopped"] * len(PROCESSES)
    left = states.load(tmp_path / ".weir")
    assert left is not None
    assert not left.running


def test_a_dead_part_makes_up_begin_anew(cluster: Local) -> None:
    first = cluster.up(lambda _: None)
    process.stop([first.processes["split"]], 5)
    assert not cluster.is_up()
    second = cluster.up(lambda _: None)
    assert cluster.is_up()
    assert second.processes["kafka"].pid != first.processes["kafka"].pid


def test_numbers_from_before_a_restart_of_the_machine_are_left_alone(cluster: Local, tmp_path: Path) -> None:
    this_test = process.Started(pid=os.getpid(), created=1.0, command=("java",))
    stale = State(runtime=Way.LOCAL, running=True, processes=dict.fromkeys(PROCESSES, this_test))
    states.save(tmp_path / ".weir", stale)
    assert not cluster.is_up()
    assert not cluster.down(lambda _: None)
    assert msgspec.json.decode((tmp_path / ".weir" / "state.json").read_bytes(), type=State).processes == {}
