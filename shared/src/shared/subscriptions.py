"""How a consumer is declared to FastStream: the one place that names its settings. Bare subscribers are not allowed.

FastStream polls and shuts down; its parser, decoder, acknowledging and start offset are replaced (messaging.md, table).
"""

import asyncio
import logging
from itertools import chain
from typing import Any, Final, NamedTuple

import structlog
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared import wire
from shared.intake import Intake
from shared.messages import Event
from shared.metrics import KitMetrics
from shared.settings import ServiceSettings

BATCH_RECORDS_MAX: Final = 500
POLL_MS: Final = 1_000
"""How long an idle poll waits. It returns with the first records: lingering is the broker's (`fetch_min_bytes`,
`fetch_max_wait_ms`), and FastStream's own poll, which sleeps between short ones, costs a core-second a minute."""
REBALANCE_TIMEOUT_MS: Final = 30_000
HEARTBEAT_MS: Final = 1_000
"""A group that changes waits for the next heartbeat of every member: 3 s unless told otherwise."""
POLL_INTERVAL_MS_MAX: Final = 300_000
GRACE_S: Final = 15.0
REWIND_S_MAX: Final = 10.0
UNREADABLE_PAUSE_S: Final = 5.0

log = structlog.get_logger(__name__)
_faststream = logging.getLogger("faststream.kafka")
_faststream.setLevel(logging.ERROR)  # below that it writes two lines a batch


class Fetched(NamedTuple):
    """One fetch as it came; its records are taken out when it is done."""

    records: list[Any]
    generation: int
    consumer: Any


class Message(KafkaMessage):
    """What FastStream hands on, nothing parsed: reading a header that is null must not cost the batch its place.

    FastStream keeps in it what its decoder returns. Were that the message itself, the records of hundreds of batches
    would wait for the garbage collector: half of a service's memory. FastStream also puts it into the context of the
    task, which every timer that the batch starts keeps until the loop throws it out, long after it was cancelled. So
    it holds only the first record by itself, for FastStream's log.
    """

    def __init__(self, fetched: Fetched) -> None:
        super().__init__(raw_message=tuple(fetched.records[:1]), body=b"", headers={}, consumer=fetched.consumer)
        self.fetched = fetched


def broker(settings: ServiceSettings, service: str) -> KafkaBroker:
    """Return the broker of one service. It only consumes: publishing is bounded, which its own producer is not."""
    wire.install()
    return KafkaBroker(
        settings.kafka_bootstrap,
        client_id=service,
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=GRACE_S,
        apply_types=False,
        logger=_faststream,
    )


def subscribe[E: Event](kafka: KafkaBroker, intake: Intake[E], settings: ServiceSettings, metrics: KitMetrics) -> Any:  # noqa: ANN401 - FastStream's subscriber class is internal
    """Declare the consumer of one topic."""
    subscriber: Any = kafka.subscriber(
        intake.topic,
        group_id=intake.group,
        batch=True,
        max_records=BATCH_RECORDS_MAX,
        fetch_min_bytes=settings.fetch_min_bytes,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        listener=intake,
        rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=HEARTBEAT_MS,
        max_poll_interval_ms=POLL_INTERVAL_MS_MAX,
        include_in_schema=False,
    )

    async def parse(records: tuple[Any, ...]) -> Message:
        # Nothing awaits between the fetch and here, so the generation is the one that the batch was fetched in.
        return Message(Fetched(list(records), intake.generation, subscriber.consumer))

    async def unpack(message: Message) -> Fetched:
        return message.fetched

    async def take(fetched: Fetched) -> None:
        try:
            await intake.take(*fetched)
        finally:
            fetched.records.clear()

    subscriber(take, parser=parse, decoder=unpack)
    subscriber.get_msg = Poll(intake.topic, metrics)
    intake.backlog.consumer = lambda: subscriber.consumer
    return subscriber


class Poll:
    """Fetches one batch, in FastStream's place: without its sleeps, and so that a fetch that fails loses nothing.

    aiokafka may have moved past records of one partition when another one's raise; what it had read is gone then, and
    the next acknowledgement would pass it. So every partition starts again at what is committed.
    """

    def __init__(self, topic: str, metrics: KitMetrics) -> None:
        self._topic = topic
        self._paused = metrics.paused.labels(topic, "unreadable")
        self._failed = False

    async def __call__(self, consumer: Any) -> tuple[Any, ...]:  # noqa: ANN401 - aiokafka is untyped
        """Return the next records, or none yet."""
        try:
            if self._failed:
                await _rewind(consumer)
                self._failed = False
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
        except ConsumerStoppedError:
            raise
        except KafkaError:  # FastStream logs it and waits
            self._failed = True
            raise
        except Exception:
            self._failed = True
            self._paused.set(1)
            log.exception("fetch failed, runs again", topic=self._topic)
            await asyncio.sleep(UNREADABLE_PAUSE_S)
            return ()
        if found:
            self._paused.set(0)
        return tuple(chain.from_iterable(found.values()))


async def _rewind(consumer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
    async with asyncio.timeout(REWIND_S_MAX):
        for place in consumer.assignment():
            offset = await consumer.committed(place)
            if offset is None:
                await consumer.seek_to_beginning(place)
            else:
                consumer.seek(place, offset)
