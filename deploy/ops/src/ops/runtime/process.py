"""Processes of a local cluster: started in their own group, known again by more than their number, stopped by it alone.

A process number can belong to another program after a restart of the machine; no process is ever looked up by name.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import psutil

from ops.runtime import tied as tied_file

CREATED_TOLERANCE_S: Final = 2.0  # the start time is counted from boot, and the clock may have been set since
KILL_WAIT_S: Final = 5.0
TAIL_LINES: Final = 15


class Started(msgspec.Struct, frozen=True):
    """A process that was started here: its number, when it started, and its command."""

    pid: int
    created: float
    command: tuple[str, ...]


def start(command: Sequence[str], *, log: Path, cwd: Path, env: Mapping[str, str], tied: bool) -> Started:
    """Start `command` with its output in `log`; the log of the time before is kept as `.previous`.

    `tied`: it dies with this process. Call from the main thread: the kernel ties it to the thread that starts it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.previous"))
    launcher = [sys.executable, "-I", tied_file.__file__, str(os.getpid())] if tied else []
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - the command is built here, from no outside input
            [*launcher, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**os.environ, **env},
            start_new_session=True,
        )
    child.returncode = 0  # it is known by `Started` from here on; Python must neither wait for it nor warn of it
    return Started(pid=child.pid, created=psutil.Process(child.pid).create_time(), command=tuple(command))


def alive(process: Started | None) -> bool:
    """Say whether this very process still runs: number, start time and command all agree."""
    return process is not None and _find(process) is not None


def stop(processes: Sequence[Started], grace_s: float) -> list[Started]:
    """Ask these to end together, wait up to `grace_s`, kill what is left; return what had to be killed."""
    running = {process.pid: known for process in processes if (known := _find(process)) is not None}
    for known in running.values():
        known.terminate()
    _, stubborn = psutil.wait_procs(list(running.values()), timeout=grace_s)
    for known in stubborn:
        known.kill()
    psutil.wait_procs(stubborn, timeout=KILL_WAIT_S)
    left = {known.pid for known in stubborn}
    return [process for process in processes if process.pid in left]


def kill(process: Started) -> bool:
    """End a process at once (kill -9), so that it can do nothing more, and wait for it; tell whether it ran."""
    known = _find(process)
    if known is None:
        return False
    known.kill()
    psutil.wait_procs([known], timeout=KILL_WAIT_S)
    return True


def _find(process: Started) -> psutil.Process | None:
    try:
        known = psutil.Process(process.pid)
        same = abs(known.create_time() - process.created) < CREATED_TOLERANCE_S
        if not same or known.status() == psutil.STATUS_ZOMBIE:
            return None
        shown = tuple(known.cmdline()[-len(process.command) :])
    except psutil.NoSuchProcess:
        return None
    # Between start and exec a tied process still shows its launcher before the command; within exec, nothing.
    return known if shown in {(), process.command} else None


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the end of a log, for a person who asks why a process ended."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
