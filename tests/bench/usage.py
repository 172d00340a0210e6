"""What processes use: CPU time and memory, their children included, and what the rest of the machine uses meanwhile."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

MIB = 1024 * 1024


class Cpu(NamedTuple):
    """CPU seconds used so far, by process, and by the whole machine."""

    at: float
    by_process: dict[str, float]
    machine: float


class Memory(NamedTuple):
    """Resident memory in MiB: now, and the most there ever was."""

    now_mib: int
    peak_mib: int


class Spent(NamedTuple):
    """CPU seconds used in an interval."""

    seconds: float
    by_process: dict[str, float]
    machine: float

    @property
    def cores(self) -> float:
        """How many cores the processes kept busy."""
        return sum(self.by_process.values()) / self.seconds

    @property
    def elsewhere_cores(self) -> float:
        """How many cores others kept busy; counted in ticks, so that it may be a little below 0."""
        return self.machine / self.seconds - self.cores


def spent(before: Cpu, after: Cpu) -> Spent:
    """Return what was used in between."""
    by_process = {name: used - before.by_process[name] for name, used in after.by_process.items()}
    return Spent(after.at - before.at, by_process, after.machine - before.machine)


def cpu(pids: Mapping[str, int]) -> Cpu:
    """Return the CPU time of these processes; user and system, down to 10 ms."""
    return Cpu(time.monotonic(), {name: _cpu_s(pid) for name, pid in pids.items()}, _machine_s())


def memory(pids: Mapping[str, int]) -> dict[str, Memory]:
    """Return the resident memory of these processes."""
    found: dict[str, Memory] = {}
    for name, pid in pids.items():
        family = _family(pid)
        now = sum(it.memory_info().rss for it in family)
        found[name] = Memory(now // MIB, sum(_peak(it.pid) for it in family) // MIB)
    return found


def _family(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants; of this one only itself, since all that is measured descends from it."""
    known = psutil.Process(pid)
    return [known] if pid == os.getpid() else [known, *known.children(recursive=True)]


def _cpu_s(pid: int) -> float:
    return sum(sum(it.cpu_times()[: 2 if pid == os.getpid() else 4]) for it in _family(pid))


def _machine_s() -> float:
    times = psutil.cpu_times()
    # Guest time is in user time already.
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
