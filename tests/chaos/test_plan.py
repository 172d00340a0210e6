"""The plan of a chaos run: replayable by its seed, and whole: nothing is left down, and nothing dead is killed."""

import itertools

import pytest
from tests.chaos.plan import (
    INSTITUTION,
    KAFKA,
    MONGO,
    SECOND,
    SERVICES,
    SHORT,
    Round,
    Shape,
    length_of,
    long,
    plan,
)

LONG = long()
LEAST_KILLS = {SHORT: 6, LONG: 100}
SEEDS = range(200)


def unfit(rounds: tuple[Round, ...]) -> list[str]:
    """Return what a cluster could not do: start what runs, end what does not; and what the plan leaves undone."""
    up, switched, found = {*SERVICES, KAFKA, MONGO, INSTITUTION}, set[str](), list[str]()
    for step in sorted(step for it in rounds for step in it.steps):
        on, of = (step.verb in ("start", "switch")), (switched if step.verb in ("switch", "heal") else up)
        if step.verb != "step_down" and (step.part in of) == on:
            found.append(f"{step} with {sorted(of)}")
        (of.add if on else of.discard)(step.part) if step.verb != "step_down" else None
    if up != {*SERVICES, KAFKA, MONGO, INSTITUTION} or switched:
        found.append(f"left: {up} {switched}")
    return found


@pytest.mark.parametrize("shape", [SHORT, LONG], ids=["short", "long"])
def test_the_same_seed_is_the_same_plan_and_another_is_another(shape: Shape) -> None:
    assert plan(7, shape) == plan(7, shape)
    assert plan(7, shape) != plan(8, shape)


@pytest.mark.parametrize("shape", [SHORT, LONG], ids=["short", "long"])
def test_every_plan_can_be_played_and_leaves_everything_running(shape: Shape) -> None:
    assert {seed: wrong for seed in SEEDS if (wrong := unfit(plan(seed, shape)))} == {}


@pytest.mark.parametrize("shape", [SHORT, LONG], ids=["short", "long"])
def test_every_fault_comes_and_no_fewer_services_are_killed_than_asked(shape: Shape) -> None:
    for seed in SEEDS:
        rounds = plan(seed, shape)
        assert {it.fault for it in rounds} == set(shape.faults)
        assert sum(it.kills.total() for it in rounds) >= max(shape.kills, LEAST_KILLS[shape])
        assert {part for it in rounds for part in it.kills} <= set(SERVICES)


def test_each_service_gets_a_second_replica_that_joins_and_leaves() -> None:
    joined = {step.part for it in plan(1, SHORT) for step in it.steps if step.verb == "start"}
    assert {service + SECOND for service in SERVICES} <= joined


def test_the_long_run_ends_within_half_an_hour() -> None:
    for seed in SEEDS:
        last = plan(seed, LONG)[-1]
        assert last.at_s + last.length_s < 20 * 60


def test_rounds_follow_each_other_without_a_gap() -> None:
    rounds = plan(3, LONG)
    for before, after in itertools.pairwise(rounds):
        assert after.at_s == before.at_s + before.length_s == before.at_s + length_of(before.fault, LONG.round_s)
    for it in rounds:
        assert all(it.at_s <= step.at_s for step in it.steps)


def test_a_plan_without_room_for_every_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="need as many rounds"):
        plan(1, SHORT._replace(rounds=3))
