"""A lane's other side: it remembers what was sent, and answers as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from tests.payments.edge import until

from payments.dispatch.lanes import Item, Lanes, Line

HERE, THERE = Line("sandbox-direct", "here"), Line("sandbox-direct", "there")

type Answer = Callable[[list[str]], Coroutine[None, None, bool]]


class Sent:
    """Remembers what a lane sent."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.recovered: list[Line] = []
        self.answers: dict[Line, Answer] = {}

    async def send(self, line: Line, batch: list[str]) -> bool:
        self.batches.append(batch)
        return await self.answers[line](batch) if line in self.answers else True

    async def on_recovered(self, line: Line) -> None:
        self.recovered.append(line)

    async def until_sent(self, *wanted: str) -> None:
        async def look() -> set[str]:
            return {it for batch in self.batches for it in batch}

        await until(look, lambda seen: set(wanted) <= seen)


@asynccontextmanager
async def running(sent: Sent) -> AsyncIterator[Lanes[str]]:
    some = Lanes("test", sent.send, sent.on_recovered)
    task = asyncio.create_task(some.run())
    await asyncio.sleep(0)
    yield some
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def item(identity: str, weight: int = 1, size: int = 1) -> Item[str]:
    return Item(identity, weight, size, identity)
