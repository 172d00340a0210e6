"""The machine that was measured on, in the words of its own files."""

import platform
import re
import subprocess
from pathlib import Path

import psutil
from tests.bench.cluster import ROOT

from ops.runtime import kafka, mongod

GIB = 1024**3


def describe() -> dict[str, object]:
    """Return what must be known to compare figures."""
    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / GIB),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "kafka": kafka.VERSION,
        "java": _version(["java", "-version"], r'"(.+)"'),
        "mongod": _version([mongod.program(), "--version"], r"v(\d\S+)"),
    }


def commit() -> str:
    """Return the commit that is measured; `+` says that files have been changed since."""
    head = _said(["git", "rev-parse", "--short=10", "HEAD"]).strip()
    return head + ("+" if _said(["git", "status", "--porcelain", "--untracked-files=no"]).strip() else "")


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _version(command: list[str], pattern: str) -> str:
    found = re.search(pattern, _said(command))
    return found.group(1) if found else "unknown"


def _said(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - named above
    return done.stdout + done.stderr
