"""What an audit itself takes: time, and memory of all its processes together."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import psutil

SAMPLE_S: Final = 0.5
MIB: Final = 1 << 20


@dataclass(slots=True)
class Usage:
    """`peak_mib` is the greatest sum of resident memory seen, pages that processes share counted in each."""

    seconds: float = 0.0
    peak_mib: int = 0


@asynccontextmanager
async def measured() -> AsyncIterator[Usage]:
    """Measure what is done in the `with`, twice a second."""
    usage, began = Usage(), time.monotonic()
    task = asyncio.create_task(_watch(usage))
    try:
        yield usage
    finally:
        usage.seconds = time.monotonic() - began
        _sample(usage)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(usage: Usage) -> None:
    while True:
        _sample(usage)
        await asyncio.sleep(SAMPLE_S)


def _sample(usage: Usage) -> None:
    total = 0
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += process.memory_info().rss
    usage.peak_mib = max(usage.peak_mib, -(-total // MIB))
