"""What `make bench` can measure: each scenario starts clusters of its own, runs, and returns its results."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tests.bench import auditing, isolation, ledger, load
from tests.bench.cluster import Cluster, Tell
from tests.bench.result import CAPACITY, MANY_RECEIVERS, Result
from tests.bench.run import Ask, measure

from shared.settings import COST, LATENCY

PEAK_RATE: Final = 1_160.0
MEAN_RATE: Final = 116.0
"""10 million orders a day, and ten times that."""

DIAL_RATES: Final = (MEAN_RATE, 500.0, PEAK_RATE)
RATE_S: Final = 30.0
RATE_WARMUP_S: Final = 5.0
FLOOR_S: Final = 30.0
FLOOR_ORDERS_MAX_PER_S: Final = 3_200.0
MANY_LEGS: Final = 50
MANY_LEGS_WINDOW: Final = 800
MANY_LEGS_ORDERS_MAX_PER_S: Final = 800.0
SMALL_STORE: Final = 10_000
GROWTH_FILL_S: Final = 6.0
GROWTH_FIRST_S: Final = 20.0
GROWTH_WARMUP_S: Final = 2.0


class Scenario(StrEnum):
    """The names of the scenarios."""

    ALL = "all"
    CAPACITY = "capacity"
    FLOOR = "floor"
    RATE = "rate"
    GROWTH = "growth"
    REPLICAS = "replicas"
    RECEIVERS = "receivers-50"
    PRESETS = "presets"
    LEDGER = "ledger"
    ISOLATION = "isolation"


@dataclass(frozen=True, slots=True)
class Options:
    """What may be asked of every scenario; times in seconds."""

    seconds: float = 60.0
    warmup_s: float = 10.0
    window: int = 2_500
    rate: float = PEAK_RATE
    orders: int = 1_000_000

    def capacity(self) -> Ask:
        """Return the question for the rate that is sustained with so many orders not done."""
        return Ask(CAPACITY, self.seconds, self.warmup_s, window=self.window)


def everything(options: Options, tell: Tell) -> list[Result]:
    """Measure capacity beside the floor's, then the latency at peak and mean rate."""
    quick = Options(min(options.seconds, RATE_S), min(options.warmup_s, RATE_WARMUP_S))
    return [
        *capacity(options, tell),
        *floor(replace(options, seconds=min(options.seconds, FLOOR_S)), tell),
        *_weir([_at(rate, quick) for rate in (PEAK_RATE, MEAN_RATE)], tell),
    ]


def capacity(options: Options, tell: Tell) -> list[Result]:
    """Find how many orders a second are sustained with at most `window` of them not done."""
    return _weir([options.capacity()], tell)


def floor(options: Options, tell: Tell) -> list[Result]:
    """Find how many orders a second bare clients sustain with the same work."""
    return [_floor(replace(options.capacity(), orders_max_per_s=FLOOR_ORDERS_MAX_PER_S), tell)]


def rate(options: Options, tell: Tell) -> list[Result]:
    """Show whether a rate is sustained, and how long an order takes at it."""
    return _weir([_at(options.rate, options)], tell)


def growth(options: Options, tell: Tell) -> list[Result]:
    """Show what an order costs while the store grows to `orders`: first with some 10,000 there, last with all."""
    then = replace(options.capacity(), warmup_s=GROWTH_WARMUP_S)
    with _weir_of(tell) as weir:
        while weir.stored < min(SMALL_STORE, options.orders):
            weir.run(replace(then, seconds=GROWTH_FILL_S), kept=False)
        weir.run(replace(then, seconds=min(options.seconds, GROWTH_FIRST_S)), named_by_store=True)
        while weir.stored < options.orders:
            weir.run(then, named_by_store=True)
        weir.run(then, named_by_store=True)
        return weir.audited()


def replicas(options: Options, tell: Tell) -> list[Result]:
    """Show that two copies of each service share the work and do nothing twice."""
    return _weir([replace(options.capacity(), name="two replicas")], tell, replicas=2)


def receivers(options: Options, tell: Tell) -> list[Result]:
    """Find how many orders of 50 merchants a second are sustained, beside the floor's."""
    ask = replace(
        options.capacity(),
        name=MANY_RECEIVERS,
        window=MANY_LEGS_WINDOW,
        orders_max_per_s=MANY_LEGS_ORDERS_MAX_PER_S,
        legs=MANY_LEGS,
    )
    return [*_weir([ask], tell), _floor(replace(ask, seconds=min(options.seconds, FLOOR_S)), tell)]


def presets(options: Options, tell: Tell) -> list[Result]:
    """Measure the latency-cost dial: latency and CPU of each preset at three rates."""
    quick = Options(min(options.seconds, RATE_S), min(options.warmup_s, RATE_WARMUP_S))
    found: list[Result] = []
    for preset in ("", LATENCY, COST):
        title = f"{preset}=low " if preset else ""
        environment = {name: "low" if name == preset else "" for name in (LATENCY, COST)}
        asks = [_at(rate, quick, title) for rate in DIAL_RATES]
        found += _weir(asks, tell, environment=environment)
    return found


def books(options: Options, tell: Tell) -> list[Result]:
    """Find how many transactions of six entries the ledger alone books a second."""
    seconds, warmup_s = min(options.seconds, RATE_S), min(options.warmup_s, RATE_WARMUP_S)
    return [ledger.measure(seconds, warmup_s, tell)]


def channels(options: Options, tell: Tell) -> list[Result]:
    """Show that orders of one channel account do not wait while the institution of another times out."""
    with Cluster(tell) as cluster:
        cluster.start_services()
        return isolation.measure(cluster, min(options.seconds, RATE_S), min(options.warmup_s, RATE_WARMUP_S), tell)


SCENARIOS: Final[Mapping[Scenario, Callable[[Options, Tell], list[Result]]]] = {
    Scenario.ALL: everything,
    Scenario.CAPACITY: capacity,
    Scenario.FLOOR: floor,
    Scenario.RATE: rate,
    Scenario.GROWTH: growth,
    Scenario.REPLICAS: replicas,
    Scenario.RECEIVERS: receivers,
    Scenario.PRESETS: presets,
    Scenario.LEDGER: books,
    Scenario.ISOLATION: channels,
}


def _floor(ask: Ask, tell: Tell) -> Result:
    with Cluster(tell) as cluster:
        cluster.start_floor()
        return asyncio.run(measure(cluster, ask, tell))


def _at(rate: float, options: Options, title: str = "") -> Ask:
    return Ask(f"{title}{rate:g}/s", options.seconds, options.warmup_s, rate=rate)


class _Weir:
    """One cluster of Weir and the runs on it, one after the other."""

    def __init__(self, cluster: Cluster, tell: Tell) -> None:
        self._cluster = cluster
        self._tell = tell
        self._found: list[Result] = []
        self._sent: list[range] = []
        self._first = 0

    @property
    def stored(self) -> int:
        """How many orders are there."""
        return sum(map(len, self._sent))

    def run(self, ask: Ask, *, named_by_store: bool = False, kept: bool = True) -> None:
        """Measure with orders that were not there before. Not `kept`: only for the orders that it leaves."""
        result = asyncio.run(measure(self._cluster, replace(ask, first=self._first), self._tell))
        result.stored += self.stored
        if named_by_store:
            result.name = f"{result.stored // 1_000:,}k stored"
        if kept:
            self._found.append(result)
        self._sent.append(range(self._first, self._first + result.published))
        self._first += ask.count

    def audited(self) -> list[Result]:
        """Audit all of it; return the results, the audit with the last one."""
        self._tell("auditing")
        last = self._found[-1]
        last.lag_end = asyncio.run(auditing.at_rest(self._cluster))
        last.audit = auditing.audit(self._cluster, (number for numbers in self._sent for number in numbers))
        return self._found


@contextmanager
def _weir_of(tell: Tell, replicas: int = 1, environment: Mapping[str, str] | None = None) -> Iterator[_Weir]:
    """Hold a cluster of Weir whose merchants have agreed."""
    with Cluster(tell, environment) as cluster:
        cluster.start_services(replicas)
        tell(f"agreeing with {load.MERCHANTS:,} merchants")
        asyncio.run(load.agree(cluster.urls["merchant"], cluster.urls["kafka"]))
        yield _Weir(cluster, tell)


def _weir(
    asks: list[Ask], tell: Tell, *, replicas: int = 1, environment: Mapping[str, str] | None = None
) -> list[Result]:
    with _weir_of(tell, replicas, environment) as weir:
        for ask in asks:
            weir.run(ask)
        return weir.audited()
