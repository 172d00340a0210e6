"""`weir demo` leaves nothing behind, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ops.runtime import state as states

ROOT = Path(__file__).parents[3]
GONE_WITHIN_S = 60.0
WEIR = [sys.executable, "-c", "from ops.app import main; main()"]

pytestmark = pytest.mark.infra


def children(clone: Path, command: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Wait until Kafka and mongod were started, and return what the command started."""
    while command.poll() is None:
        state = states.load(clone / ".weir") if (clone / ".weir").exists() else None
        if state is not None and {"kafka", "mongo"} <= state.processes.keys():
            return [psutil.Process(started.pid) for started in state.processes.values()]
        time.sleep(0.05)
    message = f"the demo ended by itself with {command.returncode}"
    raise AssertionError(message)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_stays_when_the_demo_is_ended(tmp_path: Path, ending: signal.Signals) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    environment = {**os.environ, "RUNTIME": "local"}
    with (tmp_path / "said").open("wb") as said:
        command = subprocess.Popen(  # noqa: S603 - the command line itself
            [*WEIR, "demo", "--orders", "20"], cwd=tmp_path, stdout=said, stderr=said, env=environment
        )
        started = children(tmp_path, command)
        command.send_signal(ending)
        command.wait(GONE_WITHIN_S)
    gone, left = psutil.wait_procs(started, timeout=GONE_WITHIN_S)
    assert left == []
    assert len(gone) >= 2
    assert command.returncode != 0
