"""A service told to stop while it is still being loaded, and what it logs; the rest is in test_service_process.py."""

import json
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


LOUD = """
import logging

logging.getLogger("aiokafka.cluster").warning("no leader of %s", "order-paid")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("asyncio").exception("a task died")
raise SystemExit(0)
"""


def serve(folder: Path, module: str) -> subprocess.CompletedProcess[str]:
    package = folder / "slow"
    package.mkdir()
    (package / "app.py").write_text(module)
    command = [sys.executable, "-m", "shared.serve", "slow", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - built above


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_told_to_stop_while_it_is_loaded_ends_at_once(tmp_path: Path, asked: signal.Signals) -> None:
    done = serve(tmp_path, LOADED.format(signal=asked.name))
    assert (done.returncode, done.stderr) == (0, "")


def test_what_libraries_say_is_one_json_object_a_line(tmp_path: Path) -> None:
    done = serve(tmp_path, LOUD)
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["event"], first["level"], first["logger"]) == (
        "no leader of order-paid",
        "warning",
        "aiokafka.cluster",
    )
    assert "ZeroDivisionError" in second["exception"]
    assert not done.stderr
