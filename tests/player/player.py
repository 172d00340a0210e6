"""The player on Kafka: reads the requests of some marketplaces from the beginning, answers them as their scripts say.

It keeps nothing: started again, it reads and answers everything again, under the same ids and with the same bodies.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.player.account import Account
from tests.player.course import Course
from tests.player.refund import ConflictError
from tests.player.script import SMOOTH, Choose, arranged
from tests.player.seen import Seen

from shared import envelope
from shared.marketplaces import matches
from shared.messages import (
    ChannelMoved,
    Event,
    PayoutSettled,
    RefundRequested,
    RefundSettled,
    SplitRequested,
    decode,
    encode,
)

SOURCE: Final = "/weir/payments"
READ: Final[dict[str, type[Event]]] = {it.topic: it for it in (SplitRequested, PayoutSettled, RefundRequested)}
POLL_MS: Final = 100
WAIT_S: Final = 60.0


class Player:
    """Payments' part in money back. `market` is an id, or a prefix that ends in `*`; others are left alone."""

    def __init__(self, bootstrap: str, market: str, choose: Choose = lambda _: SMOOTH, pace_s: float = 0.0) -> None:
        """`pace_s`: so long between one revision and the next."""
        self.course = Course(choose)
        self.seen = Seen()
        self.requests: list[RefundRequested] = []
        """Every request as it came, repeats among them."""
        self.conflicts: list[str] = []
        self._bootstrap = bootstrap
        self._market = market
        self._pace_s = pace_s
        self._origins: dict[str, datetime] = {}
        self._done: dict[TopicPartition, int] = {}
        self._consumer: Any = None
        self._producer: Any = None
        self._task: asyncio.Task[None] | None = None

    def account(self, channel_account: str, currency: str = "CNY") -> Account:
        """Return what was done of an account at the institution."""
        return self.course.account(channel_account, currency)

    def pool_minor(self, channel_account: str, currency: str = "CNY") -> int:
        """Return what an account's pool must hold by all that was read and done."""
        return self.seen.pool_minor(self.course, (channel_account, currency))

    def mistakes(self) -> list[str]:
        """Return what split asked for and no institution would do."""
        return [*self.conflicts, *self.seen.mistakes(self.course)]

    async def go_on(self, marketplace: str, refund_id: str) -> None:
        """Let a refund go on that its script has stopped."""
        key = f"{marketplace}/{refund_id}"
        await self._tell(key, self.course.go_on(key, _now()))

    async def send_back(self, marketplace: str, refund_id: str, payment: str, reason: str = "ACCOUNT_CLOSED") -> None:
        """Have the buyer's bank send back what it got of a payment."""
        key = f"{marketplace}/{refund_id}"
        await self._tell(key, [self.course.send_back(key, payment, reason, _now())])

    async def move(self, event: ChannelMoved) -> None:
        """Have the institution move money by itself."""
        self.course.move(event)
        await self.publish(event)

    async def publish(self, *events: Event, origin: datetime | None = None) -> None:
        """Publish events of payments, one after the other."""
        for event in events:
            now = _now()
            headers = envelope.headers_of(event, SOURCE, now, origin or now)
            await self._producer.send_and_wait(event.topic, encode(event), event.key.encode(), headers=headers)

    async def caught_up(self) -> None:
        """Wait until everything that was on the topics at this call has been read and answered."""
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        deadline = time.monotonic() + WAIT_S
        while behind := [it for it, end in ends.items() if self._done.get(it, 0) < end]:
            assert time.monotonic() < deadline, f"still to be read: {behind}"
            assert not self.dead, "the play is over"
            await asyncio.sleep(POLL_MS / 1000)

    @property
    def dead(self) -> bool:
        """Whether something has ended the play."""
        return self._task is not None and self._task.done()

    @asynccontextmanager
    async def playing(self) -> AsyncIterator["Player"]:
        """Play until the block ends; what kills the play is raised there."""
        self._consumer = AIOKafkaConsumer(*READ, bootstrap_servers=self._bootstrap, auto_offset_reset="earliest")
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
        async with self._consumer, self._producer:
            self._task = asyncio.create_task(self._play())
            try:
                yield self
            finally:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task

    async def _play(self) -> None:
        """Read and answer for ever."""
        while True:
            for place, records in (await self._consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    await self._take(record)
                    self._done[place] = record.offset + 1

    async def _take(self, record: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        if not matches(self._market, (record.key or b"").decode(errors="replace").partition("/")[0]):
            return
        event = decode(READ[record.topic], record.value)
        if isinstance(event, SplitRequested | PayoutSettled):
            self.seen.note(event)
        elif isinstance(event, RefundRequested):
            read = envelope.read(record.headers)
            self.requests.append(event)
            key = f"{event.marketplace}/{event.refund_id}"
            self._origins[key] = read.origin_time
            try:
                told = self.course.take(event, read.time)
            except ConflictError as error:
                self.conflicts.append(str(error))
            else:
                await self._tell(key, told)

    async def _tell(self, key: str, told: Iterable[RefundSettled]) -> None:
        for event in arranged(self.course.refunds[key].script, list(told)):
            await asyncio.sleep(self._pace_s)
            await self.publish(event, origin=self._origins.get(key))


def _now() -> datetime:
    return datetime.now(UTC)
