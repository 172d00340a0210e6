"""`make simulate`: many schedules of the simulation on all cores, or one again with its trace.

Exit code 1 when a law is broken; the seed that shows it is printed with the command that runs it again.
"""

import os
import time
from typing import Annotated, Final

import typer
from tests.simulation import bugs, patches, schedule
from tests.simulation.fleet import judged_on, told

SEEDS: Final = 4_000
BROKEN_MAX: Final = 10
"""After so many broken schedules nothing new is to be learnt."""


def known(bug: str | None) -> str | None:
    """Return the name of a bug.

    Raises:
        BadParameter: there is no such bug.

    """
    if bug is not None and bug not in bugs.PLANTED:
        message = f"one of {', '.join(bugs.PLANTED)}"
        raise typer.BadParameter(message)
    return bug


def main(
    *,
    seeds: Annotated[int, typer.Option(min=1, help="How many schedules.")] = SEEDS,
    first: Annotated[int, typer.Option(min=0, help="The first seed of them.")] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Run this one alone and print its trace.")] = None,
    bug: Annotated[str | None, typer.Option(callback=known, help="Plant a bug.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="How many at a time.")] = os.cpu_count() or 1,
) -> None:
    """Run the real kit and handlers against a Kafka and a MongoDB in memory, in bad weather drawn from seeds."""
    broken = _many(range(first, first + seeds), processes, bug) if seed is None else _one(seed, bug)
    raise typer.Exit(1 if broken else 0)


def _one(seed: int, bug: str | None) -> bool:
    with patches.quiet(), bugs.planted(bug):
        outcome = schedule.run(seed, trace=True)
    for line in outcome.trace:
        typer.echo(line)
    if outcome.problems:
        typer.echo(told(outcome, bug))
    else:
        typer.echo(f"seed {seed}: no law is broken, {outcome.seconds:.0f} virtual seconds, {outcome.steps} steps")
    return bool(outcome.problems)


def _many(seeds: range, processes: int, bug: str | None) -> bool:
    since, done, broken, virtual_s, cpu_s = time.monotonic(), 0, 0, 0.0, 0.0
    for outcome in judged_on(processes, seeds, bug=bug):
        done, virtual_s, cpu_s = done + 1, virtual_s + outcome.seconds, cpu_s + outcome.cpu_s
        if outcome.problems:
            broken += 1
            typer.echo(told(outcome, bug))
        if broken == BROKEN_MAX:
            break
    seconds = time.monotonic() - since
    typer.echo(
        f"{done} schedules from seed {seeds.start} on, {broken} broken; {virtual_s / 3600:.0f} virtual hours in "
        f"{seconds:.0f} s by {processes} processes: {done / seconds * 60:.0f} schedules a minute, "
        f"{done / cpu_s * 60:.0f} a minute of one core"
    )
    return bool(broken)


if __name__ == "__main__":
    typer.run(main)
