"""Puts dead letters on a real Kafka, as a service does."""

from datetime import UTC, datetime

from shared.deadletters import letter
from shared.publisher import Publisher
from shared.record import Raw

AT = datetime(2026, 3, 1, tzinfo=UTC)


def topics(stem: str, service: str = "payments") -> str:
    """Return the dead-letter topic of a topic."""
    return f"{stem}.{service}.dlq"


async def bury(bootstrap: str, topic: str, *keys: str, value: bytes = b'{"a": 1}') -> None:
    """Write one dead letter of payments for each key."""
    publisher = Publisher(bootstrap, "test")
    headers = [("ce_id", b"id-1"), ("weir-only-service", b"payments")]
    try:
        for offset, key in enumerate(keys):
            raw = Raw(topic, 3, offset, 1_000, key.encode(), value, headers)
            await publisher.publish([letter(raw, "payments", "contract", "amount_missing", AT, "g")])
    finally:
        await publisher.stop()
