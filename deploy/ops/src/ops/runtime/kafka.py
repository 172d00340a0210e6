"""Apache Kafka as one local process: KRaft, one node, Apache's own jars. How it is configured and started, not when."""

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ops.runtime import cache, ports, process
from ops.runtime.fault import ClusterFault

VERSION: Final = "4.1.0"
CLUSTER_ID: Final = "4L6g3nShT-eMCtK--X86sw"
STARTED: Final = b"Kafka Server started"
START_TIMEOUT_S: Final = 60.0
STOP_GRACE_S: Final = 20.0
HEAP: Final = ("-Xms256m", "-Xmx512m")
SMALL: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""One node on a small machine: the default collector and the second compiler cost more than the broker's own work."""
LOGGING: Final = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
"""One node. After a kill it waits for the session of its former self, 9 s unless told otherwise: nobody else serves."""


def install(recipe: Path, tell: Callable[[str], None] = lambda _: None) -> Path:
    """Return the folder of Kafka's jars, fetched by Maven with `recipe` (deploy/kafka) when it is not in the cache.

    Every jar is checked against the committed checksums each time: 43 MB, a tenth of a second.
    """
    _require_java()
    expected = _checksums(recipe)
    jars = cache.keep(f"kafka-{VERSION}/libs", lambda target: _fetch(recipe, target, tell))
    if _wrong(jars, expected):
        shutil.rmtree(jars)
        jars = cache.keep(f"kafka-{VERSION}/libs", lambda target: _fetch(recipe, target, tell))
        if wrong := _wrong(jars, expected):
            shutil.rmtree(jars)
            msg = f"Kafka's jars are not the ones of {recipe}/checksums.txt: {', '.join(sorted(wrong))}"
            raise ClusterFault(msg)
    return jars


def prepare(jars: Path, folder: Path, broker: int, controller: int) -> Path:
    """Write the properties into `folder` and format its storage once; return the properties file."""
    data = folder / "log"
    data.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(broker=broker, controller=controller, data=data))
    if not (data / "meta.properties").exists():
        formatting = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
        done = subprocess.run([*_java(jars, ()), *formatting], capture_output=True, check=False)  # noqa: S603 - built above
        if done.returncode:
            raise ClusterFault("Kafka's storage could not be formatted:\n" + done.stderr.decode(errors="replace"))
    return properties


def command(jars: Path, properties: Path) -> list[str]:
    """Return the command that runs the broker."""
    return [*_java(jars, (f"-XX:SharedArchiveFile={_class_archive(jars)}",)), "kafka.Kafka", str(properties)]


def wait(started: process.Started, log: Path) -> None:
    """Return when the broker serves.

    Raises:
        ClusterFault: it ended or did not get there in time; with the end of its log.

    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while STARTED not in log.read_bytes():
        if not process.alive(started) or time.monotonic() > deadline:
            msg = f"Kafka did not start; the end of {log}:\n{process.tail(log)}"
            raise ClusterFault(msg)
        time.sleep(0.05)


def _java(jars: Path, options: Sequence[str]) -> list[str]:
    # The order must be the same every time: the class archive is valid for one class path only.
    class_path = ":".join(str(jar) for jar in sorted(jars.glob("*.jar")))
    return ["java", *HEAP, *SMALL, *LOGGING, *options, "-cp", class_path]


def _class_archive(jars: Path) -> Path:
    """Return the JVM's archive of loaded classes, made by one start in a scratch folder: 2.5 s a start become 1.2 s."""
    version = subprocess.run(["java", "-version"], capture_output=True, check=True).stderr  # noqa: S607 - the java on PATH
    name = f"kafka-{VERSION}/classes-{hashlib.sha256(version + bytes(jars)).hexdigest()[:16]}.jsa"
    return cache.keep(name, lambda target: _archive_classes(jars, target))


def _archive_classes(jars: Path, target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, log = Path(scratch), Path(scratch) / "kafka.log"
        chosen = ports.choose(("broker", "controller"))
        properties = prepare(jars, folder, chosen["broker"], chosen["controller"])
        archiving = [*_java(jars, (f"-XX:ArchiveClassesAtExit={target}",)), "kafka.Kafka", str(properties)]
        started = process.start(archiving, log=log, cwd=folder, env={}, tied=True)
        try:
            wait(started, log)
        finally:
            process.stop([started], STOP_GRACE_S)
    # A JVM that cannot archive leaves nothing; an empty file is ignored by the next start, which is only slower.
    target.touch()


def _require_java() -> None:
    if shutil.which("java") is None:
        msg = "Java 17 or newer is missing. Install a JRE and Maven, or use Docker: RUNTIME=docker."
        raise ClusterFault(msg)


def _fetch(recipe: Path, target: Path, tell: Callable[[str], None]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        msg = "Maven is missing: it fetches Kafka's jars. Install Maven, or use Docker: RUNTIME=docker."
        raise ClusterFault(msg)
    tell(f"fetching Kafka {VERSION} with Maven, once for this machine")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={target}", "-DincludeScope=runtime"]
    done = subprocess.run(  # noqa: S603 - built above
        [maven, "-q", "-B", "-f", str(recipe / "pom.xml"), *goal], capture_output=True, check=False
    )
    if done.returncode:
        raise ClusterFault("Maven could not fetch Kafka's jars:\n" + done.stdout.decode(errors="replace"))


def _checksums(recipe: Path) -> dict[str, str]:
    lines = (recipe / "checksums.txt").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def _wrong(jars: Path, expected: dict[str, str]) -> set[str]:
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.glob("*.jar")}
    return {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}
