"""The upstream order system of the bench: a process of its own that publishes order-paid, encoded beforehand.

`python -m tests.bench.generator PLAN.json`. It obeys the board: waits for `go`, keeps `published`, ends at `stop`.
"""

import asyncio
import gc
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from tests.bench.board import Board
from tests.bench.load import LEGS, order

from shared.envelope import headers_of
from shared.messages import encode
from shared.publisher import BATCH_BYTES_MAX, partition_of

SOURCE: Final = "/upstream/bench"
STEP_S: Final = 0.05
"""Orders leave in bunches, twenty a second: an upstream that flushes its own outbox does the same."""
CHUNK_MAX: Final = 500
TIMES: Final = ("ce_time", "ce_origintime")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to publish: `count` orders from number `first` on, at `rate` a second or with at most `window` not done."""

    bootstrap: str
    topic: str
    board: str
    partitions: int
    first: int
    count: int
    legs: int = LEGS
    rate: float | None = None
    window: int | None = None


class Prepared(NamedTuple):
    """A record without the time at which it leaves."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def prepare(number: int, partitions: int, legs: int = LEGS) -> Prepared:
    """Return an order as it will be published."""
    event = order(number, legs)
    key = event.key.encode()
    headers = [it for it in headers_of(event, SOURCE, event.paid_at, event.paid_at) if it[0] not in TIMES]
    return Prepared(partition_of(key, partitions), key, encode(event), headers)


def due(plan: Plan, elapsed_s: float, published: int, completed: int) -> int:
    """Return how many orders may leave now. An open loop makes up for lost time: what is offered is the rate."""
    left = plan.count - published
    if plan.rate is not None:
        return min(left, int(elapsed_s * plan.rate) - published)
    room = (plan.window or 0) - (published - completed)
    return max(0, min(left, room, CHUNK_MAX))


async def generate(plan: Plan) -> None:
    """Publish until the plan is done or the board says stop."""
    board = Board(Path(plan.board))
    prepared = [prepare(number, plan.partitions, plan.legs) for number in range(plan.first, plan.first + plan.count)]
    gc.collect()
    gc.freeze()
    producer = AIOKafkaProducer(
        bootstrap_servers=plan.bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES_MAX
    )
    async with producer:
        await producer.partitions_for(plan.topic)
        board.put("ready", 1)
        await board.until(lambda it: bool(it.get("go")), STEP_S)
        began, published = time.monotonic(), 0
        while published < plan.count and not board.get("stop"):
            step = due(plan, time.monotonic() - began, published, board.get("completed"))
            if step > 0:
                await _publish(producer, plan.topic, prepared[published : published + step])
                published += step
                board.put("published", published)
            passed = time.monotonic() - began
            await asyncio.sleep(STEP_S - passed % STEP_S if plan.rate else STEP_S / 5)
        await board.until(lambda it: bool(it.get("stop")), STEP_S)  # its CPU is measured until the window ends
    board.close()


async def _publish(producer: Any, topic: str, records: list[Prepared]) -> None:  # noqa: ANN401 - aiokafka is untyped
    now = msgspec.json.encode(datetime.now(UTC))[1:-1]
    times = [(name, now) for name in TIMES]
    groups: dict[int, list[Prepared]] = {}
    for record in records:
        groups.setdefault(record.partition, []).append(record)
    sent = []
    for partition, group in groups.items():
        batch = producer.create_batch()
        for record in group:
            headers = record.headers + times
            if batch.append(key=record.key, value=record.value, timestamp=None, headers=headers) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(key=record.key, value=record.value, timestamp=None, headers=headers)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)


if __name__ == "__main__":
    asyncio.run(generate(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)))
