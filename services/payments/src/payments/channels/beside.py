"""Does several requests of one call beside each other, but never too many at one time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

REQUESTS_MAX: Final = 16
"""Under way at one time, of one call."""


async def each[A, B](some: Sequence[A], do: Callable[[A], Awaitable[B]]) -> list[B]:
    """Do something for each, so many beside each other; what is raised ends it all."""
    room = asyncio.Semaphore(REQUESTS_MAX)

    async def one(it: A) -> B:
        async with room:
            return await do(it)

    tasks = [asyncio.ensure_future(one(it)) for it in some]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
