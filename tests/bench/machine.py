"""The machine that was measured on, in the words of its own files."""

import platform
import re
import subprocess
from pathlib import Path

import psutil

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
        "mongod": _version([mongod.program(), "--version"], r"v(\S+)"),
    }


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _version(command: list[str], pattern: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - the two callers above
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "unknown"
