"""Seeded schedules of the whole delivery loop: clean as it is, broken by each planted bug, and the same every time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.simulation import bugs, fleet, patches, schedule

ROOT = Path(__file__).parents[2]
CLEAN_SEEDS = 240

FOUND_WITHIN = {
    "publish_before_commit": range(10),
    "ack_before_commit": range(10),
    "outbox_deleted_before_publish": range(600),
    "dedupe_removed": range(300),
    "leftovers_after_the_first_fetch": range(800),
    "successor_overtakes": range(3, 1_600, schedule.OVERLAP_EVERY),
}
"""In which seeds each bug must be found. Every seed is another schedule once a service asks its store anything else:
the bounds are as wide as it takes to find a bug then, too, and the first seed that shows it ends the search."""


def test_without_a_bug_no_schedule_breaks_a_law() -> None:
    broken = [fleet.told(it) for it in fleet.judged(range(CLEAN_SEEDS)) if it.problems]
    assert not broken, "\n".join(broken)


def test_every_planted_bug_has_its_bound() -> None:
    assert set(FOUND_WITHIN) == set(bugs.PLANTED)


@pytest.mark.parametrize("bug", FOUND_WITHIN)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert fleet.first_broken(FOUND_WITHIN[bug], bug=bug) is not None


@pytest.mark.parametrize("seed", [1, 3, 4])
def test_a_seed_gives_one_trace_in_this_process_and_in_any_other(seed: int) -> None:
    with patches.quiet():
        first, second = (schedule.run(seed, trace=True).trace for _ in range(2))
    assert len(first) > 100
    assert first == second
    told = simulated("--seed", str(seed), hash_seed=str(seed))
    assert told.stdout.splitlines()[:-1] == list(first)
    assert told.returncode == 0


def test_the_command_tells_how_to_see_a_broken_schedule_again() -> None:
    found = simulated("--seeds", "3", "--bug", "ack_before_commit", "--processes", "1")
    assert found.returncode == 1
    assert "  make simulate SEED=0 BUG=ack_before_commit\n" in found.stdout
    again = simulated("--seed", "0", "--bug", "ack_before_commit")
    assert again.returncode == 1
    assert "BREACH" in again.stdout
    assert again.stdout.endswith("  make simulate SEED=0 BUG=ack_before_commit\n")


def test_the_command_counts_clean_schedules_of_several_processes() -> None:
    clean = simulated("--seeds", "10", "--first", "40", "--processes", "2")
    assert clean.returncode == 0
    assert clean.stdout.startswith("10 schedules from seed 40 on, 0 broken;")


def simulated(*arguments: str, hash_seed: str = "0") -> subprocess.CompletedProcess[str]:
    """Run the command line in a fresh process."""
    return subprocess.run(  # noqa: S603 - this very Python
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
