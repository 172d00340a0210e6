"""Runs the asynchronous work of a command; a part of the cluster that cannot be reached ends it with exit code 3."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

from ops.addresses import NoClusterError
from ops.institution import InstitutionError
from ops.lag import KafkaUnreachableError
from ops.output import Code, stop
from ops.send.merchants import MerchantError
from ops.stops import SplitError
from ops.stores import StoresUnreachableError
from shared.publisher import PublishError
from shared.topics import Topics, TopicsError

TOPICS: Final = Path("deploy/topics.yaml")
MARKETPLACES: Final = Path("deploy/marketplaces.yaml")

UNREACHABLE: Final = (
    NoClusterError,
    InstitutionError,
    KafkaUnreachableError,
    MerchantError,
    PublishError,
    SplitError,
    StoresUnreachableError,
)


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; where it cannot reach the cluster, end the command and say what did not answer."""
    try:
        return asyncio.run(work)
    except UNREACHABLE as error:
        stop(Code.UNREACHABLE, str(error))


def topics() -> Topics:
    """Return the topics as this clone states them; a mistake in the file ends the command."""
    try:
        return Topics.load(TOPICS)
    except TopicsError as error:
        stop(Code.USAGE, str(error))
