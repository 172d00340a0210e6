"""What `make bench` can measure: each scenario starts its own cluster, runs, and returns its results."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.bench import load
from tests.bench.cluster import Cluster, Tell
from tests.bench.run import WEIR, Ask, Result, measure


class Scenario(StrEnum):
    """The names of the scenarios."""

    CAPACITY = "capacity"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Options:
    """What may be asked of every scenario; times in seconds."""

    seconds: float
    warmup_s: float
    window: int
    rate: float


def capacity(options: Options, tell: Tell) -> list[Result]:
    """Find how many orders a second are sustained with at most `window` of them not done."""
    return _weir([Ask("capacity", options.seconds, options.warmup_s, window=options.window)], tell)


def rate(options: Options, tell: Tell) -> list[Result]:
    """Show whether a rate is sustained, and how long an order takes at it."""
    return _weir([Ask(f"rate {options.rate:g}", options.seconds, options.warmup_s, rate=options.rate)], tell)


SCENARIOS: Final[Mapping[Scenario, Callable[[Options, Tell], list[Result]]]] = {
    Scenario.CAPACITY: capacity,
    Scenario.RATE: rate,
}


def _weir(asks: list[Ask], tell: Tell) -> list[Result]:
    with Cluster(tell) as cluster:
        cluster.start_services()
        tell(f"agreeing with {load.MERCHANTS:,} merchants")
        asyncio.run(load.agree(cluster.urls["merchant"], cluster.urls["kafka"]))
        return [asyncio.run(measure(cluster, WEIR, ask, tell)) for ask in asks]
