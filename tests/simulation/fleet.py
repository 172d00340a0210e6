"""Many schedules on all cores: each process takes seeds, and tells what became of them."""

import gc
import multiprocessing
from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from tests.simulation import bugs, patches, schedule
from tests.simulation.schedule import Outcome

CHUNK = 8
PROBLEMS_MAX = 5
"""So many of a schedule are told: the first shows it, the others mostly follow from it."""

_inside = ExitStack()


def judged(seeds: Iterable[int], *, bug: str | None = None) -> Iterator[Outcome]:
    """Run schedules in this process, in their order; `bug` is planted meanwhile."""
    with patches.quiet(), bugs.planted(bug):
        for seed in seeds:
            yield schedule.run(seed)


def judged_on(processes: int, seeds: Iterable[int], *, bug: str | None = None) -> Iterator[Outcome]:
    """Run schedules in so many processes, and yield each as it ends; to stop early, close the iterator."""
    if processes == 1:
        yield from judged(seeds, bug=bug)
        return
    fresh = multiprocessing.get_context("spawn")
    with fresh.Pool(processes, _prepare, (bug,)) as pool:
        yield from pool.imap_unordered(schedule.run, seeds, CHUNK)


def first_broken(seeds: Iterable[int], *, bug: str | None = None) -> Outcome | None:
    """Return the first schedule in which a law is broken; None when there is none."""
    return next((it for it in judged(seeds, bug=bug) if it.problems), None)


def again(seed: int, bug: str | None = None) -> str:
    """Return the command that runs a schedule again and prints its trace."""
    return f"make simulate SEED={seed}" + (f" BUG={bug}" if bug else "")


def told(outcome: Outcome, bug: str | None = None) -> str:
    """Return what is wrong with a schedule, and how to see it again."""
    problems = [*outcome.problems[:PROBLEMS_MAX]]
    if more := len(outcome.problems) - len(problems):
        problems.append(f"and {more} more")
    lines = [*problems, again(outcome.seed, bug)]
    return "\n  ".join([f"seed {outcome.seed}:", *lines])


def _prepare(bug: str | None) -> None:
    """Be for the rest of this process's life as `judged` is for a while."""
    gc.collect()
    gc.freeze()  # what is imported stays: looked at again and again, it takes a twentieth of the time
    _inside.enter_context(patches.quiet())
    _inside.enter_context(bugs.planted(bug))
