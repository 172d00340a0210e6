"""Memory and time of the audit are those of all its processes."""

import asyncio
import sys

from ops.audit.usage import measured


async def test_memory_of_further_processes_counts() -> None:
    async with measured() as alone:
        pass
    holding = "import sys; held = bytearray(64 << 20); print(len(held), flush=True); sys.stdin.read()"
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", holding, stdin=pipe, stdout=pipe)
    assert child.stdout is not None
    await child.stdout.readline()
    async with measured() as usage:
        await asyncio.sleep(0.05)
    await child.communicate()
    assert usage.peak_mib >= alone.peak_mib + 64
    assert 0.05 <= usage.seconds < 5
