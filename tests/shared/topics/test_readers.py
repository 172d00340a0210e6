"""Who reads a topic by the file does read it: otherwise its records would wait for ever, and nobody would say so."""

import importlib
import inspect
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from shared.messages import Event
from shared.topics import Topics

TOPICS = Topics.load(Path("deploy/topics.yaml"))
SERVICES = sorted({service for topic in TOPICS for service in topic.consumers})


class Heard:
    """In place of Kafka: notes what a service subscribes to."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def take(self, event: type[Event], handler: object) -> None:
        del handler
        self.topics.append(event.topic)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_subscribes_to_the_topics_that_name_it(service: str) -> None:
    consumers = importlib.import_module(f"{service}.consumers").consumers
    heard = Heard()
    consumers(heard, *(MagicMock() for _ in range(len(inspect.signature(consumers).parameters) - 1)))
    assert sorted(heard.topics) == sorted(it.name for it in TOPICS if service in it.consumers)
