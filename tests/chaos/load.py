"""Buyers and upstream systems of a chaos run: orders come at a steady rate, however the cluster is doing.

Nothing that was begun is given up: what a part refuses or does not answer is done again, as upstream systems must.
An order's time counts from when it was due, so that waiting for a cluster that takes nothing is counted too.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from tests.chaos import orders

from ops.institution import Institution, InstitutionError
from ops.send import batch, draft, merchants
from ops.send.manifest import SENT, Manifest
from ops.send.merchants import MerchantError
from shared.messages import encode
from shared.publisher import Publisher, PublishError

AHEAD_S: Final = 4.0
"""Buyers pay so long before their orders come."""
BATCH: Final = 500
TICK_S: Final = 0.02
PAY_EVERY_S: Final = 0.25
AGAIN_S: Final = 0.3
POSTED_EVERY: Final = 50
"""Of so many orders one comes by HTTP, not by Kafka."""
TWICE_EVERY: Final = 20
"""Of so many one is published twice, as upstream systems may."""
POSTERS: Final = 8
LATE_S: Final = 1.0
HTTP_S_MAX: Final = 5.0


class Load:
    """Sends orders at a rate until it is told to end. `count` is how many buyers have paid, `sent` how many arrived."""

    def __init__(self, urls: dict[str, str], at_least: int, rate: float, folder: Path) -> None:
        """`folder` stands for the clone, where the manifest of what was sent is looked for."""
        self.rate: Final = rate
        self._at_least = at_least
        self.count = 0
        self.sent = 0
        self.repeated = 0
        self.posted = 0
        self._urls = urls
        self._over = False
        self._manifest = Manifest(datetime.now(UTC), folder / SENT)
        self._posts: asyncio.Queue[int] = asyncio.Queue()
        self._latecomers: asyncio.Queue[draft.MerchantDraft] = asyncio.Queue()
        self._start: tuple[float, datetime] = (time.monotonic(), datetime.now(UTC))

    def due(self, number: int) -> datetime:
        """Return when an order is due."""
        return self._start[1] + timedelta(seconds=number / self.rate)

    def end(self) -> None:
        """Let no more buyers pay than were to; what is paid is still sent."""
        self._over = True

    async def run(self) -> None:
        """Return when, after `end`, every order that was paid has been sent and taken."""
        self._start = time.monotonic(), datetime.now(UTC)
        async with asyncio.TaskGroup() as group:
            paying = group.create_task(self._pay())
            serving = [group.create_task(self._post()) for _ in range(POSTERS)]
            serving.append(group.create_task(self._sign_up()))
            await self._publish(paying)
            await self._posts.join()
            await self._latecomers.join()
            for task in serving:
                task.cancel()
        self._manifest.close()

    async def _pay(self) -> None:
        async with Institution(self._urls["institution"]) as institution:
            while not self._over or self.count < self._at_least:
                wanted = int((time.monotonic() - self._start[0] + AHEAD_S) * self.rate)
                end = min(self.count + BATCH, wanted)
                # What the institution may have taken must come: a request without an answer is one that was made.
                while end > self.count:
                    try:
                        await batch.pay([orders.order(number) for number in range(self.count, end)], institution)
                    except InstitutionError:
                        await asyncio.sleep(AGAIN_S)
                    else:
                        self.count = end
                await asyncio.sleep(PAY_EVERY_S)

    async def _publish(self, paying: asyncio.Task[None]) -> None:
        publisher = Publisher(self._urls["kafka"], "upstream")
        begin, again = 0, list[int]()
        try:
            while not paying.done() or begin < self.count:
                due = int((time.monotonic() - self._start[0]) * self.rate) + 1
                end = min(due, self.count, begin + BATCH)
                if end <= begin:
                    await asyncio.sleep(TICK_S)
                    continue
                numbers = range(begin, end)
                self._manifest.add(orders.order(number).key for number in numbers)
                posted = [number for number in numbers if number % POSTED_EVERY == POSTED_EVERY - 1]
                direct = [number for number in numbers if number % POSTED_EVERY != POSTED_EVERY - 1]
                for number in posted:
                    self._posts.put_nowait(number)
                for latecomer in filter(None, map(orders.latecomer, numbers)):
                    self._latecomers.put_nowait(latecomer)
                await self._insist(publisher, [*again, *direct])
                self.repeated += len(again)
                again = [number for number in direct if number % TWICE_EVERY == 0]
                self.sent += len(direct)
                begin = end
                await asyncio.sleep(TICK_S)
        finally:
            await publisher.stop()

    async def _insist(self, publisher: Publisher, numbers: Sequence[int]) -> None:
        while True:
            try:
                await publisher.publish([batch.record(orders.order(number), self.due(number)) for number in numbers])
            except PublishError:
                await asyncio.sleep(AGAIN_S)
            else:
                return

    async def _post(self) -> None:
        async with httpx.AsyncClient(base_url=self._urls["payments"], timeout=HTTP_S_MAX) as client:
            while True:
                number = await self._posts.get()
                order = orders.order(number)
                url = f"/v1/marketplaces/{order.marketplace}/orders"
                while True:
                    if await _taken(client, url, encode(order)):
                        break
                    await asyncio.sleep(AGAIN_S)
                self.sent += 1
                self.posted += 1
                self._posts.task_done()

    async def _sign_up(self) -> None:
        while True:
            latecomer = await self._latecomers.get()
            await asyncio.sleep(LATE_S)
            while True:
                try:
                    await merchants.ensure(self._urls["merchant"], [latecomer])
                except MerchantError:
                    await asyncio.sleep(AGAIN_S)
                else:
                    break
            self._latecomers.task_done()


async def _taken(client: httpx.AsyncClient, url: str, body: bytes) -> bool:
    try:
        answer = await client.post(url, content=body, headers={"content-type": "application/json"})
    except httpx.HTTPError:
        return False
    if answer.is_client_error:
        message = f"payments refused an order: {answer.status_code} {answer.text[:300]}"
        raise ValueError(message)
    return answer.is_success
