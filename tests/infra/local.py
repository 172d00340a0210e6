"""Kafka and MongoDB as processes of this machine, in a scratch folder: the same pieces as `weir up`.

They are tied to the test run and die with it, however it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ops.runtime import kafka, mongod, ports, process

ROOT: Final = Path(__file__).parents[2]
SHORT_HISTORY: Final = "minSnapshotHistoryWindowInSeconds=20"
"""MongoDB keeps the files of a dropped database open for so long (300 s by itself). Every test drops its own: those of
five minutes are more files than a process may have open."""


@contextmanager
def kafka_process(scratch: Path) -> Iterator[str]:
    """Run Kafka; yield its bootstrap address."""
    chosen = ports.choose(("broker", "controller"))
    jars = kafka.install(ROOT / "deploy" / "kafka")
    properties = kafka.prepare(jars, scratch, chosen["broker"], chosen["controller"])
    log = scratch / "kafka.log"
    started = process.start(kafka.command(jars, properties), log=log, cwd=scratch, env={}, tied=True)
    try:
        kafka.wait(started, log)
        yield f"127.0.0.1:{chosen['broker']}"
    finally:
        process.stop([started], kafka.STOP_GRACE_S)


@contextmanager
def mongo_process(scratch: Path) -> Iterator[str]:
    """Run a replica set of one; yield its URL."""
    port = ports.choose(("mongo",))["mongo"]
    started, log = _mongod(scratch, port)
    try:
        mongod.wait(started, log, port)
        yield mongod.url(port)
    finally:
        process.stop([started], mongod.STOP_GRACE_S)


@contextmanager
def unelected_mongo(scratch: Path) -> Iterator[int]:
    """Run the member of a replica set that has no primary yet; yield its port. `mongod.initiate` lets it be elected."""
    port = ports.choose(("mongo",))["mongo"]
    started, log = _mongod(scratch, port)
    try:
        while not ports.is_open(port):
            assert process.alive(started), process.tail(log)
        yield port
    finally:
        process.kill(started)


def _mongod(scratch: Path, port: int) -> tuple[process.Started, Path]:
    log = scratch / "mongo.log"
    command = [*mongod.command(mongod.program(), scratch / "data", port), "--setParameter", SHORT_HISTORY]
    return process.start(command, log=log, cwd=scratch, env={}, tied=True), log
