"""One schedule: a world drawn from a seed, run until everything has come to its end, and judged."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from tests.simulation import services
from tests.simulation.clock import StuckError, VirtualLoop
from tests.simulation.course import Course, Trouble
from tests.simulation.institution import Institution
from tests.simulation.invariants import World, broken, unfinished
from tests.simulation.kafka.broker import Broker
from tests.simulation.mongo.driver import Server
from tests.simulation.patches import inside
from tests.simulation.replica import Surroundings
from tests.simulation.scenario import drawn, with_goods
from tests.simulation.storm import Climate, Storm
from tests.simulation.storm import Trouble as Fault
from tests.simulation.watch import Watch

from sandbox.domain.faults import NORMAL, Faults
from shared.marketplaces import Marketplaces
from shared.record import Reader

ROOT: Final = Path(__file__).parents[2]
LOOK_EVERY_S: Final = 2.0
PATIENCE_S: Final = 1_200.0
"""How long after the storm everything must have come to its end: unknown outcomes are asked for after 300 s."""

SMALL: Final[Sequence[Fault]] = ("crash", "lost", "unanswered", "abort", "late", "refused", "stall")
LARGE: Final = ("kill", "join", "leave", "split_brain", "store_away", "broker_away", "again")

Season = Literal["any", "overlap"]
OVERLAP_EVERY: Final = 4
"""One seed in so many has the season `overlap`: members are given up by their groups while they are slowly at work, and
nothing else happens. Any weather brings that about now and then: some thousand times less often."""


PATIENT_EVERY: Final = 3
"""One seed in so many has goods that are shipped and cases that are opened, and money that waits for them."""


@dataclass(frozen=True)
class Outcome:
    """What became of a schedule. `trace` is empty unless asked for; `seconds` are virtual, `cpu_s` is what it cost."""

    seed: int
    problems: tuple[str, ...]
    trace: tuple[str, ...]
    steps: int
    seconds: float
    cpu_s: float


def season_of(seed: int) -> Season:
    """Return what kind of weather a seed has."""
    return "overlap" if seed % OVERLAP_EVERY == OVERLAP_EVERY - 1 else "any"


def patient(seed: int) -> bool:
    """Return whether merchants' money waits for goods in a seed: in every third, of each season."""
    return seed % PATIENT_EVERY == PATIENT_EVERY - 1


def run(seed: int, *, trace: bool = False, steps: bool = True) -> Outcome:
    """Run one schedule. `steps`: judge every step, not only the end."""
    began = time.process_time()
    draw, season = random.Random(seed), season_of(seed)
    loop = VirtualLoop()
    lines: list[str] | None = [] if trace else None
    storm = Storm(loop, draw, _climate(draw, season), lines)
    watch = Watch(storm.note, steps=steps)
    broker = _broker(loop, draw, watch)
    scenario = drawn(draw, 40.0, steady=True) if season == "overlap" else drawn(draw, draw.uniform(1.0, 25.0))
    if patient(seed):
        scenario = with_goods(scenario, random.Random(f"goods of {seed}"))
    world = World(scenario, _server(loop, watch), broker, Institution(loop.now), watch)
    fetch_max, parks = draw.choice((1, 2, 3, 500)), scenario.poisoned is not None
    around = Surroundings(loop, storm, world.server, broker, _marketplaces(), watch, parks, _readers())
    course = Course(world, around, draw)
    with inside(loop, broker, storm, draw, fetch_max, watch.wrong):
        try:
            loop.run_until_complete(_whole(course, around, draw, season))
        except StuckError as error:
            watch.wrong(f"stuck: {error}")
        finally:
            problems, watch.over = [*watch.problems], True
            loop.discard()
    problems += [f"a task ended with {error!r}" for error in loop.unseen]
    return Outcome(seed, tuple(problems), tuple(lines or ()), loop.steps, loop.time(), time.process_time() - began)


async def _whole(course: Course, around: Surroundings, draw: random.Random, season: Season) -> None:
    loop, watch, world = around.loop, course.world.watch, course.world
    storm_s = draw.uniform(5.0, 45.0)
    watch.poisoned = world.scenario.poisoned
    if draw.random() < 0.2:
        world.institution.faults = Faults(accept_only=True)
    for service in services.SERVICES:
        course.start(service)
        if season == "overlap" or draw.random() < 0.25:
            course.start(service)
    course.upstream()
    kinds, times = draw.sample(LARGE, draw.randint(1, 3)), draw.choice((0, 1, 2, 4))
    if season == "overlap":
        kinds, times, storm_s = ["split_brain"], 12, 45.0
    Trouble(course, around, draw).plan(kinds, times, storm_s)
    await loop.pause(storm_s)
    course.calm()
    world.institution.faults = NORMAL
    until = loop.time() + PATIENCE_S
    while (left := list(unfinished(world))) and loop.time() < until:
        course.release_parks()
        await loop.pause(LOOK_EVERY_S)
    for problem in left or list(broken(world)):
        watch.wrong(problem)


def _climate(draw: random.Random, season: Season) -> Climate:
    if season == "overlap":
        return Climate(frozenset(), gap=15.0, slow_chance=0.1, slow_s=12.0, stall_s=10.0)
    troubles = frozenset(draw.sample(SMALL, draw.choice((0, 1, 1, 2, 3, len(SMALL)))))
    return Climate(
        troubles=troubles,
        gap=draw.choice((15.0, 40.0, 120.0)),
        slow_chance=draw.choice((0.0, 0.01, 0.05)),
        slow_s=draw.choice((0.5, 3.0, 12.0)),
        stall_s=draw.choice((2.0, 10.0, 30.0)),
    )


def _broker(loop: VirtualLoop, draw: random.Random, watch: Watch) -> Broker:
    partitions = draw.choice((1, 1, 2, 3))
    topics = dict.fromkeys(services.TAKERS, partitions)
    for topic, takers in services.TAKERS.items():
        topics |= {f"{topic}.{service}.dlq": 1 for service in takers}
    broker = Broker(topics, lambda: int(loop.now().timestamp() * 1000))
    broker.onlookers.append(watch.appended)
    broker.committed.append(watch.acknowledged)
    return broker


def _server(loop: VirtualLoop, watch: Watch) -> Server:
    server = Server(loop.now, loop.time)
    for service, indexes in services.INDEXES.items():
        store = server.store(service)
        store.declare(indexes)
        watch.watch(store)
    return server


@cache
def _marketplaces() -> Marketplaces:
    return Marketplaces.load(ROOT / "deploy" / "marketplaces.yaml")


@cache
def _readers() -> dict[tuple[str, type], Reader]:  # type: ignore[type-arg] # of every contract
    return {}
