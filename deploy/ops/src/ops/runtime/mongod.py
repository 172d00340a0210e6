"""MongoDB as one local process: a replica set of one, as transactions need it. How it is started, not when.

The program is the one on PATH, else the one in the development dependencies (its wheel is pinned by hash in uv.lock
and kept by uv outside the clone).
"""

import importlib.util
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from ops.runtime import ports, process, users
from ops.runtime.fault import ClusterFault

SET: Final = "rs0"
CACHE_GB: Final = 1
START_TIMEOUT_S: Final = 60.0
STOP_GRACE_S: Final = 20.0
NOT_YET_INITIALIZED: Final = 94
ALREADY_INITIALIZED: Final = 23
TRANSACTION_LIMIT: Final = "transactionLifetimeLimitSeconds=15"
"""MongoDB keeps the locks of a service killed in mid-transaction for this long (60 s by itself); ours take far less."""


def program() -> str:
    """Return the path of mongod.

    Raises:
        ClusterFault: there is none; the message says what to install.

    """
    if on_path := shutil.which("mongod"):
        return on_path
    wheel = importlib.util.find_spec("fiftyone")
    for root in (wheel.submodule_search_locations or ()) if wheel else ():
        binary = Path(root) / "db" / "bin" / "mongod"
        if binary.exists():
            binary.chmod(0o755)  # a wheel does not carry the run bit with every installer
            return str(binary)
    msg = "mongod is missing. Install MongoDB 6 or newer, or `uv sync --all-groups` (Linux x86_64), or RUNTIME=docker."
    raise ClusterFault(msg)


def command(
    binary: str, data: Path, port: int, keyfile: Path | None = None, *, cache_gb: int | None = CACHE_GB
) -> list[str]:
    """Return the command that runs the server; with a key of the replica set, only for users who prove themselves.

    `cache_gb`: None leaves it to MongoDB, which takes half of the machine's memory.
    """
    data.mkdir(parents=True, exist_ok=True)
    where = ["--dbpath", str(data), "--bind_ip", "127.0.0.1", "--port", str(port), "--unixSocketPrefix", str(data)]
    # A primary told to stop waits 15 s for another to take over; here there is no other.
    hasty = ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100", "--setParameter", TRANSACTION_LIMIT]
    cache = [] if cache_gb is None else ["--wiredTigerCacheSizeGB", str(cache_gb)]
    guarded = ["--keyFile", str(keyfile)] if keyfile else []
    return [binary, *where, "--replSet", SET, *cache, *hasty, *guarded]


def url(port: int) -> str:
    """Return where clients of the local replica set connect."""
    return f"mongodb://127.0.0.1:{port}/?replicaSet={SET}"


def wait(started: process.Started, log: Path, port: int, passwords: Mapping[str, str] | None = None) -> None:
    """Return when the replica set has its primary, having made the set (or moved it to this port) if needed.

    With `passwords` its users are there too.

    Raises:
        ClusterFault: it ended or did not get there in time; with the end of its log.

    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not ports.is_open(port):
        if not process.alive(started) or time.monotonic() > deadline:
            msg = f"mongod did not start; the end of {log}:\n{process.tail(log)}"
            raise ClusterFault(msg)
        time.sleep(0.05)
    direct_url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    if passwords is None or users.is_there(direct_url, passwords[users.ADMIN]):
        initiate(direct_url, f"127.0.0.1:{port}", passwords)
    else:
        _initiate_first(direct_url, f"127.0.0.1:{port}")
    if passwords is not None:
        users.make(direct_url, passwords)


def initiate(direct_url: str, member: str, passwords: Mapping[str, str] | None = None) -> None:
    """Make the server at `direct_url` the one member of the set, known as `member`, and wait until it is primary."""
    who: dict[str, Any] = {"username": users.ADMIN, "password": passwords[users.ADMIN]} if passwords else {}
    with MongoClient[dict[str, Any]](direct_url, **who) as client:
        try:
            config = client.admin.command("replSetGetConfig")["config"]
        except OperationFailure as failure:
            if failure.code != NOT_YET_INITIALIZED:
                raise
            client.admin.command("replSetInitiate", _set_of(member))
        else:
            if config["members"][0]["host"] != member:  # the port of the last start was taken, so it has another now
                config["members"][0]["host"] = member
                config["version"] += 1
                client.admin.command("replSetReconfig", config, force=True)
        _wait_for_primary(client, member)


def _initiate_first(direct_url: str, member: str) -> None:
    """Do the same while there is no user yet; MongoDB allows that much to who comes from its own machine."""
    with MongoClient[dict[str, Any]](direct_url) as client:
        try:
            client.admin.command("replSetInitiate", _set_of(member))
        except OperationFailure as failure:
            if failure.code not in (ALREADY_INITIALIZED, users.UNAUTHORIZED):
                raise
        _wait_for_primary(client, member)


def _set_of(member: str) -> dict[str, Any]:
    return {"_id": SET, "members": [{"_id": 0, "host": member}]}


def _wait_for_primary(client: MongoClient[dict[str, Any]], member: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not client.admin.command("hello")["isWritablePrimary"]:
        if time.monotonic() > deadline:
            msg = f"the replica set {SET} at {member} has no primary"
            raise ClusterFault(msg)
        time.sleep(0.02)
