"""The sandbox institution and the four services as local processes: their commands, environments and readiness."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx

from ops.runtime import process
from ops.runtime.fault import ClusterFault
from ops.runtime.process import Started
from ops.runtime.state import SANDBOX

READY_TIMEOUT_S: Final = 60.0
STOP_GRACE_S: Final = 30.0  # above the limit that a service sets itself
PROBE_TIMEOUT_S: Final = 2.0


def command(name: str, port: int) -> list[str]:
    """Return the command that runs a service, or the institution, on `port`."""
    if name != SANDBOX:
        return [sys.executable, "-m", "shared.serve", name, "--port", str(port)]
    # Another party's program, so not run by Weir's kernel.
    where = ["--host", "127.0.0.1", "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", "--factory", "sandbox.app:create_app", *where, "--log-level", "warning"]


def environment(name: str, urls: Mapping[str, str], database: str = "", keys: Path | None = None) -> dict[str, str]:
    """Return the variables that a service is configured by; its database is named as itself unless told otherwise.

    `keys`: the folder of the keys that payments shares with institutions.
    """
    prefix = name.upper()
    variables = {
        f"{prefix}_MONGO_URL": urls["mongo"],
        f"{prefix}_MONGO_DATABASE": database or name,
        f"{prefix}_KAFKA_BOOTSTRAP": urls["kafka"],
    }
    if name == "payments":
        variables["PAYMENTS_INSTITUTION_URL"] = urls["institution"]
        if keys is not None:
            variables["PAYMENTS_KEYS_DIR"] = str(keys)
    return variables


def institution_environment(folder: Path, keys: Path | None = None) -> dict[str, str]:
    """Return the variables that the institution is configured by; its books are a file in `folder`.

    `keys`: the folder of the keys that it signs with.
    """
    variables = {"SANDBOX_DATABASE": str(folder / "sandbox.db")}
    return variables if keys is None else variables | {"SANDBOX_KEYS_DIR": str(keys)}


def ready(url: str) -> bool:
    """Say whether a service says that it can do its work."""
    try:
        return httpx.get(f"{url}/readyz", timeout=PROBE_TIMEOUT_S).is_success
    except httpx.HTTPError:
        return False


def wait(
    started: Mapping[str, Started], addresses: Mapping[str, str], logs: Path, arrived: Callable[[str], None]
) -> None:
    """Return when all are ready; call `arrived` with the name of each as it gets there.

    Raises:
        ClusterFault: one ended, or did not get there in time; with the end of its log.

    """
    deadline = time.monotonic() + READY_TIMEOUT_S
    waiting = list(started)
    while waiting:
        for name in list(waiting):
            if ready(addresses[name]):
                waiting.remove(name)
                arrived(name)
            elif not process.alive(started[name]) or time.monotonic() > deadline:
                log = logs / f"{name}.log"
                msg = f"{name} did not become ready; the end of {log}:\n{process.tail(log)}"
                raise ClusterFault(msg)
        time.sleep(0.1)
