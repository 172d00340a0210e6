"""How a consumer is declared to FastStream: the one place that names its settings. Bare subscribers are not allowed.

FastStream polls and shuts down; its parser, decoder, acknowledging and start offset are replaced (messaging.md, table).
"""

import logging
from typing import Any, Final

from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared.intake import Intake
from shared.messages import Event
from shared.settings import ServiceSettings

BATCH_RECORDS_MAX: Final = 500
BATCH_TIMEOUT_MS: Final = 20
"""An idle poll waits this twice; the real lingering is the broker's (`fetch_min_bytes`, `fetch_max_wait_ms`)."""
REBALANCE_TIMEOUT_MS: Final = 30_000
SESSION_TIMEOUT_MS: Final = 15_000
POLL_INTERVAL_MS_MAX: Final = 300_000
GRACE_S: Final = 15.0

log = logging.getLogger("faststream.kafka")
log.setLevel(logging.ERROR)  # below that it writes two lines a batch


class Fetched(KafkaMessage):
    """One fetch as it came, nothing parsed: reading a header that is null must not cost the batch its place."""

    def __init__(self, records: tuple[Any, ...], generation: int, consumer: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
        super().__init__(raw_message=records, body=b"", headers={}, consumer=consumer)
        self.records = records
        self.generation = generation


def broker(settings: ServiceSettings, service: str) -> KafkaBroker:
    """Return the broker of one service. It only consumes: publishing is bounded, which its own producer is not."""
    return KafkaBroker(
        settings.kafka_bootstrap,
        client_id=service,
        consumer_only=True,
        allow_auto_create_topics=False,
        graceful_timeout=GRACE_S,
        apply_types=False,
        logger=log,
    )


def subscribe[E: Event](kafka: KafkaBroker, intake: Intake[E], settings: ServiceSettings) -> Any:  # noqa: ANN401 - FastStream's subscriber class is internal
    """Declare the consumer of one topic."""
    subscriber: Any = kafka.subscriber(
        intake.topic,
        group_id=intake.group,
        batch=True,
        max_records=BATCH_RECORDS_MAX,
        batch_timeout_ms=BATCH_TIMEOUT_MS,
        fetch_min_bytes=settings.fetch_min_bytes,
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        listener=intake,
        rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        max_poll_interval_ms=POLL_INTERVAL_MS_MAX,
        include_in_schema=False,
    )

    async def parse(records: tuple[Any, ...]) -> Fetched:
        # Nothing awaits between the fetch and here, so the generation is the one that the batch was fetched in.
        return Fetched(records, intake.generation, subscriber.consumer)

    async def keep(message: Fetched) -> Fetched:
        return message

    async def take(message: Fetched) -> None:
        intake.consumer = message.consumer
        await intake.take(message.records, message.generation, message.consumer)

    subscriber(take, parser=parse, decoder=keep)
    return subscriber
