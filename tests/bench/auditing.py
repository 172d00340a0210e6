"""Runs `weir audit` on the bench's cluster, as a process of its own, and notes its time."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from tests.bench.cluster import ROOT, Cluster
from tests.bench.load import MARKETPLACE, order_id

from ops import lag
from ops.addresses import variable
from ops.runtime.state import SERVICES
from ops.send.manifest import SENT
from shared.topics import Topics

BREACHES_KEPT: Final = 20
PARTS: Final = ("kafka", "mongo", "institution", *SERVICES)
REST_TIMEOUT_S: Final = 60.0
REST_POLL_S: Final = 0.5


async def at_rest(cluster: Cluster) -> int:
    """Wait until no consumer is behind; return the records that still are after a minute."""
    groups = lag.groups(Topics.load(ROOT / "deploy" / "topics.yaml"))
    deadline = time.monotonic() + REST_TIMEOUT_S
    while True:
        behind = await lag.measure(cluster.urls["kafka"], groups)
        if lag.drained(behind) or time.monotonic() > deadline:
            return sum(it.records for it in behind)
        await asyncio.sleep(REST_POLL_S)


def audit(cluster: Cluster, sent: Iterable[int], *others: str) -> dict[str, Any]:
    """Audit everything on the cluster; `sent` are the numbers of the orders that must be there, in `others` as well.

    The answer is that of `--json` with the first breaches only, and `command_s`: how long the whole command took.
    """
    home = cluster.folder / "audit"
    numbers = list(sent)
    for marketplace in (MARKETPLACE, *others):
        _write_manifest(home, marketplace, numbers)
    if not (home / "deploy").exists():
        (home / "deploy").symlink_to(ROOT / "deploy")
    found = _run(home, {variable(it): cluster.urls[it] for it in PARTS})
    return {**found, "breaches": found["breaches"][:BREACHES_KEPT]}


def _write_manifest(home: Path, marketplace: str, sent: Iterable[int]) -> None:
    folder = home / SENT / marketplace
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bench.jsonl").open("w", encoding="utf-8") as file:
        for number in sent:
            file.write(json.dumps({"marketplace": marketplace, "order_id": order_id(number)}) + "\n")


def _run(home: Path, variables: dict[str, str]) -> dict[str, Any]:
    answer, began = home / "answer.json", time.monotonic()
    with answer.open("wb") as output:
        command = [str(Path(sys.executable).with_name("weir")), "audit", "--json"]
        child = subprocess.Popen(command, cwd=home, env={**os.environ, **variables}, stdout=output)  # noqa: S603 - built above
        child.wait()
    if not answer.stat().st_size:
        message = f"weir audit ended with {child.returncode} and no answer"
        raise RuntimeError(message)
    found: dict[str, Any] = msgspec.json.decode(answer.read_bytes())
    return {**found, "command_s": round(time.monotonic() - began, 1)}
