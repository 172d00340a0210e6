"""A service told to stop while it is still being loaded; what comes later is in test_service_process.py."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LOADED = """
import os, signal

os.kill(os.getpid(), signal.{signal})
raise AssertionError("still being loaded")
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_while_it_is_loaded_ends_at_once(tmp_path: Path, asked: signal.Signals) -> None:
    package = tmp_path / "slow"
    package.mkdir()
    (package / "app.py").write_text(LOADED.format(signal=asked.name))
    command = [sys.executable, "-m", "shared.serve", "slow", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - built above
    assert (done.returncode, done.stderr) == (0, "")
