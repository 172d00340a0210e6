"""Which part fails when: a pure function of a seed. The same seed and shape give the same rounds, step by step.

A plan is whole by construction: what is down is started again, what is switched is switched back, and only what runs
is killed. Nothing is started or stopped here.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

SERVICES: Final = ("payments", "split", "aftersale", "merchant")
KAFKA: Final = "kafka"
MONGO: Final = "mongo"
INSTITUTION: Final = "sandbox"
SECOND: Final = "-2"
"""After a service's name: its second replica."""

AWAY_S: Final = 70.0
"""A long outage: longer than any retry in place (60 s)."""
AWAY_ROUND_S: Final = AWAY_S + 15

KILLS_UNTIL: Final = 0.4
"""Of a round's length; the rest is there to get over it, so that the next kills hit a cluster that works."""

Verb = Literal["kill", "stop", "start", "step_down", "switch", "heal"]


AT_ONCE: Final = "at once"


class Step(NamedTuple):
    """One thing done at a moment, in seconds since the first round began.

    `detail`: a switch's fault, seconds of a step-down; `AT_ONCE`: do not wait until the part has come up.
    """

    at_s: float
    verb: Verb
    part: str
    detail: str = ""


class Round(NamedTuple):
    """One fault and the kills around it."""

    number: int
    fault: str
    at_s: float
    length_s: float
    steps: tuple[Step, ...]

    @property
    def kills(self) -> Counter[str]:
        """How often each service is killed, replicas counted with their service."""
        killed = (it.part.removesuffix(SECOND) for it in self.steps if it.verb == "kill")
        return Counter(part for part in killed if part in SERVICES)


class Shape(NamedTuple):
    """How many rounds, how long each is, how many kills beside a round's own fault, and from which faults."""

    rounds: int
    round_s: float
    kills: int
    faults: tuple[str, ...]


Steps = Iterator[Step]


class Victims:
    """Chance, and which services are up: one that is being started is not killed unless that is the fault."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self._up_at = dict.fromkeys(SERVICES, 0.0)

    def kill(self, part: str, moment: float, down_s: float, detail: str = "") -> Steps:
        """Kill a service and start it again. Where it is not started again yet the moment is later."""
        moment = max(moment, self._up_at[part] + 0.1)
        self._up_at[part] = moment + down_s
        yield Step(moment, "kill", part, detail)
        yield Step(moment + down_s, "start", part)

    def spared(self) -> str:
        """Return a service, one of the two that were spared for longest."""
        return self.chance.choice(sorted(SERVICES, key=lambda it: self._up_at[it])[:2])


Make = Callable[[Victims, float, float], Steps]


def _outage(verb: Verb, part: str) -> Make:
    def make(victims: Victims, at: float, length: float) -> Steps:
        down = at + victims.chance.uniform(0, 0.2) * length
        yield Step(down, verb, part)
        yield Step(down + max(1.0, victims.chance.uniform(0.25, 0.5) * length), "start", part)

    return make


def _away(part: str) -> Make:
    def make(victims: Victims, at: float, _: float) -> Steps:
        down = at + victims.chance.uniform(0, 5)
        yield Step(down, "kill", part)
        yield Step(down + AWAY_S, "start", part)

    return make


def _closed(victims: Victims, at: float, _: float) -> Steps:
    """Close it for Weir; buyers can pay. So there is more to instruct than lanes take into memory."""
    on = at + victims.chance.uniform(0, 5)
    for account in ("0", "1"):
        yield Step(on, "switch", account, CLOSED)
        yield Step(on + AWAY_S, "heal", account)


def _step_down(victims: Victims, at: float, length: float) -> Steps:
    yield Step(at + victims.chance.uniform(0, 0.3) * length, "step_down", MONGO, str(victims.chance.choice((1, 2, 3))))


def _switch(fault: str) -> Make:
    def make(victims: Victims, at: float, length: float) -> Steps:
        on = at + victims.chance.uniform(0, 0.1) * length
        off = on + max(1.5, victims.chance.uniform(0.4, 0.8) * length)
        for account in victims.chance.choice((("0",), ("1",), ("0", "1"))):
            yield Step(on, "switch", account, fault)
            yield Step(off, "heal", account)

    return make


def _several(victims: Victims, at: float, length: float) -> Steps:
    moment = at + victims.chance.uniform(0, 0.3) * length
    for part in victims.chance.sample(SERVICES, victims.chance.choice((2, 3, 4))):
        yield from victims.kill(part, moment, victims.chance.uniform(0.1, 1.0))


def _again(victims: Victims, at: float, length: float) -> Steps:
    part = victims.spared()
    yield from victims.kill(part, at + victims.chance.uniform(0, 0.3) * length, 0.2)
    yield from victims.kill(part, at + victims.chance.uniform(0.3, 0.9) * length, 0.2, AT_ONCE)


def _replicas(victims: Victims, at: float, length: float) -> Steps:
    killed = victims.chance.choice(SERVICES)
    for part in SERVICES:
        yield Step(at + victims.chance.uniform(0, 0.1) * length, "start", part + SECOND)
        leaves = at + victims.chance.uniform(0.7, 0.95) * length
        yield Step(leaves, "kill" if part == killed else "stop", part + SECOND)


def _nothing(_: Victims, __: float, ___: float) -> Steps:
    return iter(())


OPERATIONS: Final = '"operations": ["payments/query", "transfers", "transfers/query"]'
CLOSED: Final = f'{{{OPERATIONS}, "answer": "unavailable"}}'
FAULTS: Final[dict[str, Make]] = {
    "kills only": _nothing,
    "several services killed at once": _several,
    "killed again while it starts": _again,
    "second replicas join and leave": _replicas,
    "kafka stopped": _outage("stop", KAFKA),
    "kafka killed": _outage("kill", KAFKA),
    "mongod stopped": _outage("stop", MONGO),
    "mongod killed": _outage("kill", MONGO),
    "mongod steps down": _step_down,
    "institution killed": _outage("kill", INSTITUTION),
    "institution closed (503)": _switch(CLOSED),
    "institution slow": _switch(f'{{{OPERATIONS}, "latency_s": 0.7}}'),
    "institution answers too late": _switch(f'{{{OPERATIONS}, "latency_s": 3.5}}'),
    "institution drops before executing": _switch('{"operations": ["transfers"], "answer": "drop_before"}'),
    "institution drops after executing": _switch('{"operations": ["transfers"], "answer": "drop_after"}'),
    "institution accepts first": _switch('{"operations": ["transfers"], "accept_only": true}'),
}
AWAY: Final[dict[str, Make]] = {
    "kafka away for long": _away(KAFKA),
    "mongod away for long": _away(MONGO),
    "institution closed for long": _closed,
}
_SHARES: Final = {"second replicas": 2.2, "kafka": 1.8, "institution": 0.8, "institution killed": 1.2}
"""Of a round's length, by how the fault's name begins: some take longer to have an effect, or to get over."""


def length_of(fault: str, round_s: float) -> float:
    """Return how long a round of this fault takes, in seconds."""
    if fault in AWAY:
        return AWAY_ROUND_S
    return round_s * next((_SHARES[name] for name in sorted(_SHARES, reverse=True) if fault.startswith(name)), 1.0)


SHORT: Final = Shape(rounds=len(FAULTS), round_s=2.3, kills=2, faults=tuple(FAULTS))
"""Of every test run: each fault once, and at least 6 services killed, most of them by the faults themselves."""


def long(rounds: int = 55) -> Shape:
    """Return the shape of the long run: 55 rounds kill 120 services or more in about 17 minutes."""
    return Shape(rounds=rounds, round_s=13, kills=2 * rounds, faults=(*FAULTS, *AWAY))


def plan(seed: int, shape: Shape) -> tuple[Round, ...]:
    """Return the rounds: every fault at least once, the rest by chance, in an order by chance.

    Raises:
        ValueError: there are fewer rounds than faults.

    """
    if shape.rounds < len(shape.faults):
        message = f"{len(shape.faults)} faults need as many rounds, not {shape.rounds}"
        raise ValueError(message)
    chance = random.Random(seed)
    ordinary = [fault for fault in shape.faults if fault not in AWAY]
    faults = [*shape.faults, *chance.choices(ordinary, k=shape.rounds - len(shape.faults))]
    chance.shuffle(faults)
    kills = [shape.kills // shape.rounds] * shape.rounds
    for number in chance.sample(range(shape.rounds), shape.kills % shape.rounds):
        kills[number] += 1
    victims, rounds, at = Victims(chance), list[Round](), 0.0
    for number, (fault, count) in enumerate(zip(faults, kills, strict=True), start=1):
        length = length_of(fault, shape.round_s)
        steps = list((FAULTS | AWAY)[fault](victims, at, length))
        for moment in sorted(at + chance.uniform(0, KILLS_UNTIL) * length for _ in range(count)):
            steps.extend(victims.kill(victims.spared(), moment, chance.uniform(0.1, 1.5)))
        rounds.append(Round(number, fault, at, length, tuple(sorted(steps))))
        at += length
    return tuple(rounds)
