"""Processes are known by more than their number, and tied ones outlive nobody."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from ops.runtime import process

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]
PARENT = """
import os, sys, time
from pathlib import Path
from ops.runtime import process
child = process.start([sys.executable, "-c", "import time; time.sleep(600)"], log=Path(sys.argv[1]), cwd=Path.cwd(),
                      env={}, tied=True)
while child.pid and not process.alive(child): time.sleep(0.01)
print(child.pid, flush=True)
time.sleep(600)
"""
WAIT_S = 20.0


def start(folder: Path, command: list[str] = SLEEP) -> process.Started:
    return process.start(command, log=folder / "it.log", cwd=folder, env={}, tied=True)


def test_a_started_process_is_alive_until_it_is_stopped(tmp_path: Path) -> None:
    started = start(tmp_path)
    assert process.alive(started)
    assert process.stop([started], WAIT_S) == []
    assert not process.alive(started)


def test_a_process_that_ignores_the_request_is_killed_and_named(tmp_path: Path) -> None:
    started = start(tmp_path, DEAF)
    while "deaf" not in (tmp_path / "it.log").read_text():
        time.sleep(0.01)
    assert process.stop([started], 0.2) == [started]
    assert not process.alive(started)


def test_a_killed_process_gets_no_chance_to_do_anything(tmp_path: Path) -> None:
    last_words = (
        "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))"
    )
    started = start(tmp_path, [sys.executable, "-c", f"{last_words}\nprint('up', flush=True)\ntime.sleep(600)"])
    while "up" not in (tmp_path / "it.log").read_text():
        time.sleep(0.01)
    assert process.kill(started)
    assert not process.alive(started)
    assert (tmp_path / "it.log").read_text() == "up\n"
    assert not process.kill(started)


def test_a_number_that_now_belongs_to_another_program_is_not_ours(tmp_path: Path) -> None:
    started = start(tmp_path)
    try:
        while SLEEP[-1] not in psutil.Process(started.pid).cmdline() or "-I" in psutil.Process(started.pid).cmdline():
            time.sleep(0.01)  # until the launcher has become the command
        before_the_restart = msgspec.structs.replace(started, created=started.created - 3600)
        another_program = msgspec.structs.replace(started, command=("mongod",))
        assert not process.alive(before_the_restart)
        assert not process.alive(another_program)
        assert process.stop([before_the_restart, another_program], 0.1) == []
        assert process.alive(started)
    finally:
        process.stop([started], WAIT_S)


def test_a_tied_process_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "it.log")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - this file's own program
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    gone, alive = psutil.wait_procs([child], timeout=WAIT_S)
    assert (gone, alive) == ([child], [])


@pytest.mark.parametrize("runs", [1, 2])
def test_the_log_of_the_run_before_is_kept_beside_the_new_one(tmp_path: Path, runs: int) -> None:
    for _ in range(runs):
        process.stop([start(tmp_path, DEAF)], 0)
    assert (tmp_path / "it.log").exists()
    assert (tmp_path / "it.log.previous").exists() == (runs == 2)


def test_the_end_of_a_log_is_what_a_person_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "it.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert process.tail(log, 2) == "line 98\nline 99"
