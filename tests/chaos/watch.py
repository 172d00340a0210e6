"""Looks at the parts while faults are played: none may end by itself, none may ask to be restarted.

/livez of a service says 503 when it is to be restarted. No outage of another part is a reason for that.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import httpx
from tests.chaos.parts import Parts
from tests.chaos.plan import KAFKA, MONGO

from ops.runtime import process

EVERY_S: Final = 1.0
ANSWER_S: Final = 2.0


class Watch:
    """What nobody planned; `complaints` is empty after a good run."""

    def __init__(self, parts: Parts, tell: Callable[[str], None]) -> None:
        self.complaints: list[str] = []
        self._parts = parts
        self._tell = tell

    async def run(self) -> None:
        """Look again and again, for ever."""
        async with httpx.AsyncClient(timeout=ANSWER_S) as client:
            while True:
                await self.look(client)
                await asyncio.sleep(EVERY_S)

    async def look(self, client: httpx.AsyncClient) -> None:
        """Look once."""
        for part, it in self._parts.running().items():
            if not process.alive(it):
                if self._parts.running().get(part) == it:
                    self._complain(f"{part} ended by itself:\n{process.tail(self._parts.log(part))}")
            elif part not in (KAFKA, MONGO):
                await self._ask(client, part)

    async def _ask(self, client: httpx.AsyncClient, part: str) -> None:
        try:
            answer = await client.get(f"{self._parts.address(part)}/livez")
        except httpx.HTTPError:
            return  # it is starting, or was killed this moment
        if not answer.is_success:
            self._complain(f"{part} asks to be restarted: {answer.text[:300]}")

    def _complain(self, text: str) -> None:
        if text not in self.complaints:
            self.complaints.append(text)
            self._tell(text)
