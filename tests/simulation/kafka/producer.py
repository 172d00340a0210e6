"""A producer as aiokafka has it: batches made by hand, sent once each, and a `stop` that waits for all of them."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import ProducerClosed, RequestTimedOutError
from tests.simulation.clock import OUTSIDE, Process
from tests.simulation.kafka.broker import Broker, Sent
from tests.simulation.weather import Weather

TRY_AGAIN_S: Final = 0.5
LATE_S: Final = (1.0, 45.0)
"""How late a request may be that aiokafka repeats by itself: it never gives up."""

STRAY_S: Final = (0.0, 5.0)
"""How late a request may still be done whose sender is gone."""

RECORD_OVERHEAD_BYTES: Final = 70


class Batch:
    """Records of one partition."""

    def __init__(self, bytes_max: int) -> None:
        self.records: list[Sent] = []
        self._left = bytes_max

    def append(
        self,
        *,
        key: bytes | None,
        value: bytes | None,
        timestamp: int | None,  # noqa: ARG002 - the broker stamps records
        headers: Sequence[tuple[str, bytes | None]],
    ) -> object | None:
        """Add a record; None when it is full. The first record is taken whatever its size."""
        carried = sum(len(name) + len(content or b"") for name, content in headers)
        size = len(key or b"") + len(value or b"") + carried + RECORD_OVERHEAD_BYTES
        if self.records and size > self._left:
            self._left = 0
            return None
        self._left -= size
        self.records.append(Sent(key, value, tuple(headers)))
        return len(self.records)

    def record_count(self) -> int:
        """Return how many records it has."""
        return len(self.records)


class Producer:
    """An idempotent producer: a request of it is done once, and in order, however often it is repeated."""

    def __init__(
        self,
        broker: Broker,
        weather: Weather,
        process: Process | None = None,
        *,
        max_batch_size: int = 16_384,
        **_: Any,  # noqa: ANN401 - settings that memory has no use for
    ) -> None:
        self.client = self
        self._broker = broker
        self._weather = weather
        self._process = process
        self._bytes_max = max_batch_size
        self._closed = False
        self._flights: list[_Flight] = []
        self._last: dict[TopicPartition, float] = {}
        self._sender = self
        if process is not None:
            process.deaths.append(self._lose)

    async def start(self) -> None:
        """Connect."""
        await self._weather.step(self._process, "fetch", "producer.start")

    async def partitions_for(self, topic: str) -> set[int]:
        """Return the partitions of a topic, known from before."""
        return set(range(self._broker.partitions(topic)))

    def create_batch(self) -> Batch:
        """Return an empty batch."""
        return Batch(self._bytes_max)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[int]:
        """Send a batch; return what is done when the broker has said that it has it.

        Raises:
            ProducerClosed: it was stopped.

        """
        if self._closed:
            raise ProducerClosed
        fault = await self._weather.step(self._process, "produce", f"{topic}-{partition}.send")
        loop = asyncio.get_running_loop()
        place = TopicPartition(topic, partition)
        flight = _Flight(self._broker, place, batch.records, loop.create_future())
        self._flights = [it for it in self._flights if not it.over]
        self._flights.append(flight)
        lands, answers = self._weather.later(0.0, 0.02), self._weather.later(0.0, 0.01)
        match fault:
            case "late" | "lost" | "away":
                lands = self._weather.later(*LATE_S)
            case "unanswered":
                answers = self._weather.later(*LATE_S)
            case "refused":
                flight.refuse()
                return flight.answer
            case "crash_after":
                flight.land()
                await self._weather.die(self._process)
        at = max(loop.time() + lands, self._last.get(place, 0.0))
        self._last[place] = at
        flight.start(loop, at, answers)
        return flight.answer

    async def stop(self) -> None:
        """Wait until all is answered, then close."""
        self._closed = True
        waiting = [it.answer for it in self._flights if not it.answer.done()]
        if waiting:
            await asyncio.wait(waiting)

    async def close(self) -> None:
        """Close at once: what is on its way may still arrive, what is to be repeated is not."""
        self._closed = True
        self._lose()

    def _lose(self) -> None:
        for flight in self._flights:
            flight.lose(self._weather)


class _Flight:
    """One request on its way. It is nobody's any more: the death of its sender does not call it back."""

    def __init__(
        self, broker: Broker, place: TopicPartition, records: Sequence[Sent], answer: asyncio.Future[int]
    ) -> None:
        self.answer = answer
        self.over = False
        self._broker = broker
        self._place = place
        self._records = records
        self._timer: asyncio.TimerHandle | None = None
        self._answers = 0.0
        self._first: int | None = None

    def start(self, loop: asyncio.AbstractEventLoop, at: float, answers: float) -> None:
        """Land at a time, and be answered so much later."""
        self._answers = answers
        self._timer = loop.call_at(at, self._arrive, loop, context=OUTSIDE)

    def land(self) -> None:
        """Be appended."""
        if self._first is None:
            self._first = self._broker.append(self._place.topic, self._place.partition, self._records)

    def refuse(self) -> None:
        """Be answered with an error that ends it."""
        self.over = True
        self.answer.set_exception(RequestTimedOutError())
        self.answer.exception()  # if the sender is dead, nobody looks at it

    def lose(self, weather: Weather) -> None:
        """Have nobody any more who would repeat it."""
        if self.over or self._timer is None or self._first is not None:
            return
        self._timer.cancel()
        self.over = True
        if weather.likely(0.3):
            loop = asyncio.get_running_loop()
            loop.call_later(weather.later(*STRAY_S), self.land, context=OUTSIDE)

    def _arrive(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._broker.away:
            self._timer = loop.call_later(TRY_AGAIN_S, self._arrive, loop, context=OUTSIDE)
            return
        self.land()
        self._timer = loop.call_later(self._answers, self._answer, context=OUTSIDE)

    def _answer(self) -> None:
        self.over = True
        if not self.answer.done():
            self.answer.set_result(self._first or 0)
