"""Kafka and MongoDB from testcontainers, for machines with Docker. The other route is local.py; conftest.py chooses."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psutil
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy
from tests.infra.local import SHORT_HISTORY

from ops.runtime import kafka, mongod

KAFKA_IMAGE: Final = os.environ.get("KAFKA_IMAGE", "apache/kafka:4.1.0")
MONGO_IMAGE: Final = os.environ.get("MONGO_IMAGE", "mongo:8.0")
KAFKA_ENVIRONMENT: Final = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9094",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,BROKER://:9093,CONTROLLER://:9094",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS": "4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_HEAP_OPTS": " ".join(kafka.HEAP),
    "CLUSTER_ID": kafka.CLUSTER_ID,
}
OWNER: Final = "dev.weir.tests.pid"
# The advertised port is known only after the start, so the command waits for the script that names it.
WAIT_FOR_SCRIPT: Final = ["sh", "-c", "while [ ! -f /tmp/start.sh ]; do sleep 0.1; done; exec sh /tmp/start.sh"]


def present(*images: str) -> bool:
    """Say whether a Docker daemon answers that has these images, so that nothing would have to be pulled."""
    if (docker := shutil.which("docker")) is None:
        return False
    asked = subprocess.run([docker, "image", "inspect", *images], capture_output=True, check=False)  # noqa: S603 - as above
    return asked.returncode == 0


@contextmanager
def kafka_container() -> Iterator[str]:
    """Run Kafka in a container; yield its bootstrap address."""
    container = _container(KAFKA_IMAGE).with_exposed_ports(9092).with_envs(**KAFKA_ENVIRONMENT)
    with container.with_command(WAIT_FOR_SCRIPT) as running:
        bootstrap = f"{running.get_container_host_ip()}:{running.get_exposed_port(9092)}"
        advertised = f"PLAINTEXT://{bootstrap},BROKER://localhost:9093"
        script = f"export KAFKA_ADVERTISED_LISTENERS={advertised}\nexec /etc/kafka/docker/run\n"
        running.copy_into_container(script.encode(), "/tmp/start.sh")  # noqa: S108 - inside the container
        LogMessageWaitStrategy(kafka.STARTED.decode()).with_startup_timeout(
            int(kafka.START_TIMEOUT_S)
        ).wait_until_ready(running)
        yield bootstrap


@contextmanager
def mongo_container() -> Iterator[str]:
    """Run a replica set of one in a container; yield its URL."""
    command = (
        f"--replSet {mongod.SET} --bind_ip_all --setParameter {mongod.TRANSACTION_LIMIT} --setParameter {SHORT_HISTORY}"
    )
    container = _container(MONGO_IMAGE).with_exposed_ports(27017).with_command(command)
    with container.waiting_for(LogMessageWaitStrategy("Waiting for connections")) as running:
        # Direct: the set knows its member by the container's own address, which the host cannot reach.
        host, port = running.get_container_host_ip(), running.get_exposed_port(27017)
        url = f"mongodb://{host}:{port}/?directConnection=true"
        mongod.initiate(url, "localhost:27017")
        yield url


def _container(image: str) -> DockerContainer:
    # Ryuk removes the containers of a killed run; where its image is not to be had, the next run does.
    if not present(testcontainers_config.ryuk_image):
        testcontainers_config.ryuk_disabled = True
        _remove_orphans()
    return DockerContainer(image, labels={OWNER: str(os.getpid())})


def _remove_orphans() -> None:
    """Remove the containers of test runs that no longer run."""
    client = DockerClient().client
    for container in client.containers.list(all=True, filters={"label": OWNER}):
        if not psutil.pid_exists(int(container.labels[OWNER])):
            container.remove(force=True, v=True)
