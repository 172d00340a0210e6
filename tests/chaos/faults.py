"""Plays a plan on a cluster: each step at its moment, or, where the part to hit has not come up yet, when it has."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import httpx
from tests.chaos.orders import MARKETS
from tests.chaos.parts import Parts
from tests.chaos.plan import AT_ONCE, Round, Step

WAIT_S_MAX: Final = 90.0
AGAIN_S: Final = 0.2
ENDING: Final = ("kill", "stop", "step_down")
AWAITED: Final = ("switch", "heal")


class Player:
    """Plays rounds. `began` is called as each round begins."""

    def __init__(self, parts: Parts, began: Callable[[Round], None]) -> None:
        self._parts = parts
        self._began = began
        self._late_s = 0.0

    async def play(self, rounds: Sequence[Round]) -> None:
        """Play every round, the first one beginning now; return when all steps are done."""
        start = time.monotonic()

        async def until(moment: float) -> None:
            await asyncio.sleep(max(0.0, start + moment + self._late_s - time.monotonic()))

        moments: list[tuple[float, Round | Step]] = [(it.at_s, it) for it in rounds]
        moments += [(step.at_s, step) for it in rounds for step in it.steps]
        async with asyncio.TaskGroup() as group:
            for moment, it in sorted(moments, key=lambda found: found[0]):
                await until(moment)
                if isinstance(it, Round):
                    self._began(it)
                    continue
                await self._up(it)
                doing = group.create_task(self._do(it))
                if it.verb in AWAITED:
                    await self._meanwhile(doing)
            await until(rounds[-1].at_s + rounds[-1].length_s)

    async def _up(self, step: Step) -> None:
        """Wait until the part that a step is to hit has come up. On a slow machine all that follows is later then."""
        if step.verb in ENDING and step.detail != AT_ONCE:
            await self._meanwhile(self._parts.serving(step.part))

    async def _meanwhile(self, doing: Awaitable[None]) -> None:
        began = time.monotonic()
        async with asyncio.timeout(WAIT_S_MAX):
            await doing
        self._late_s += time.monotonic() - began

    async def _do(self, step: Step) -> None:
        parts = self._parts
        match step.verb:
            case "kill":
                await parts.kill(step.part)
            case "stop":
                await parts.stop(step.part)
            case "start":
                await parts.start(step.part)
            case "step_down":
                await parts.step_down(int(step.detail))
            case "switch":
                await self._switch("PUT", step)
            case "heal":
                await self._switch("DELETE", step)

    async def _switch(self, method: str, step: Step) -> None:
        """Switch a fault of the institution; it may not have got over the fault before yet."""
        url = f"{self._parts.urls['institution']}/v1/accounts/{MARKETS[int(step.part)]}/faults"
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    answer = await client.request(method, url, content=step.detail.encode() or None)
                except httpx.TransportError:
                    answer = None
                if answer is not None and answer.is_success:
                    return
                if answer is not None and answer.is_client_error:
                    raise ValueError(answer.text)
                await asyncio.sleep(AGAIN_S)
