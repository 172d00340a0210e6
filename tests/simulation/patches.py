"""What of the services' code must be another inside the simulation: the clock, random ids, aiokafka's producer, logs.

Everything else takes what it works with as an argument.
"""

import contextlib
import logging
import math
import random
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from typing import Any, Final, NoReturn
from unittest import mock

import structlog
import uuid_utils
from structlog.typing import EventDict
from tests.simulation.clock import PROCESS, VirtualLoop
from tests.simulation.kafka.broker import Broker
from tests.simulation.kafka.producer import Producer
from tests.simulation.services import NO_ROUTES
from tests.simulation.weather import Weather

import merchant.app
import shared.clock
import shared.commits
import shared.publisher
import shared.subscriptions
import split.app

EXPECTED: Final = frozenset({"handler failed", "release failed"})
"""What a poisoned order makes the kit log. Whatever else is logged with an exception is a bug that was survived."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let the services log nothing but exceptions, which are findings, and leave out their routes."""
    before = structlog.get_config()
    errors = structlog.make_filtering_bound_logger(logging.ERROR)
    structlog.configure(processors=[_tell], wrapper_class=errors, cache_logger_on_first_use=False)
    try:
        with mock.patch.object(split.app, "api", NO_ROUTES), mock.patch.object(merchant.app, "api", NO_ROUTES):
            yield
    finally:
        structlog.configure(**before)


_wrong: Callable[[str], None] = print


def _tell(_: object, __: str, event: EventDict) -> NoReturn:
    error = event.get("exc_info")
    if error and event["event"] not in EXPECTED:
        _wrong(f"{event['event']}: {sys.exception() if error is True else error!r}")
    raise structlog.DropEvent


@contextlib.contextmanager
def inside(
    loop: VirtualLoop,
    broker: Broker,
    weather: Weather,
    draw: random.Random,
    fetch_max: int,
    wrong: Callable[[str], None],
) -> Iterator[None]:
    """Let the services' code see the virtual world, for one schedule, and fetch so many records at a time.

    `wrong` is told of exceptions that are logged.
    """

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:  # noqa: ANN401 - a plain datetime, which mypy does not take for Self
            return loop.now().astimezone(tz)

    def producer(**settings: Any) -> Producer:  # noqa: ANN401 - as aiokafka has it
        return Producer(broker, weather, PROCESS.get(), **settings)

    replaced: list[tuple[Any, str, Any]] = [
        (sys.modules[__name__], "_wrong", wrong),
        (shared.subscriptions, "POLL_MS", math.inf),  # an idle poll that comes back tells nothing
        (shared.subscriptions, "BATCH_RECORDS_MAX", fetch_max),
        (shared.clock, "datetime", Clock),
        (shared.commits, "datetime", Clock),
        (shared.publisher, "AIOKafkaProducer", producer),
        (uuid_utils, "uuid7", _ids(loop)),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, stand_in in replaced:
        setattr(owner, name, stand_in)
    luck = random.getstate()
    random.seed(draw.random())
    try:
        yield
    finally:
        random.setstate(luck)
        for owner, name, original in before:
            setattr(owner, name, original)


def _ids(loop: VirtualLoop) -> Callable[[], uuid.UUID]:
    """Return a maker of version 7 UUIDs by the virtual clock."""
    made = 0

    def uuid7() -> uuid.UUID:
        nonlocal made
        made += 1
        milliseconds = int(loop.now().timestamp() * 1000)
        return uuid.UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | made)

    return uuid7
