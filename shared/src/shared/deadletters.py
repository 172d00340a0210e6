"""Dead letters: what `<topic>.<service>.dlq` holds of a record that its service could not take, and why."""

import hashlib
from datetime import datetime
from importlib.metadata import version
from typing import Final

from shared.outbox import Headers, Outgoing
from shared.record import RECORD_BYTES_MAX, Disposition, Raw
from shared.topics import dead_letter_topic

VALUE_KEPT_BYTES_MAX: Final = 65_536
"""Of the value, or the key, of a record that is too large, this much is kept, with the SHA-256 of the whole."""
HEADERS_KEPT_BYTES_MAX: Final = 262_144
_CODE_VERSION: Final = version("weir-shared")


def letter(raw: Raw, service: str, disposition: Disposition, reason: str, now: datetime, group: str) -> Outgoing:
    """Return the dead letter of a record: original key, value and headers, and where and why it failed."""
    failed_at = now.isoformat()
    facts = {
        "topic": raw.topic,
        "partition": str(raw.partition),
        "offset": str(raw.offset),
        "timestamp-ms": str(raw.timestamp_ms),
        "service": service,
        "attempts": "1",
        "first-failed-at": failed_at,
        "last-failed-at": failed_at,
        "error": reason[:1_000],
        "code-version": _CODE_VERSION,
        "disposition": disposition,
    }
    key, value = raw.key, raw.value
    if raw.size > RECORD_BYTES_MAX:
        facts |= _digest("key", key) | _digest("value", value)
        key = key and key[:VALUE_KEPT_BYTES_MAX]
        value = value and value[:VALUE_KEPT_BYTES_MAX]
    added = [(f"weir-dlq-{name}", content.encode("utf-8", "replace")) for name, content in facts.items()]
    return Outgoing(
        dead_letter_topic(raw.topic, service),
        key,
        value,
        [*_bounded(raw.headers), *added],
        (group, raw.partition),
        raw.offset,
    )


def _digest(name: str, content: bytes | None) -> dict[str, str]:
    if content is None or (name == "key" and len(content) <= VALUE_KEPT_BYTES_MAX):
        return {}
    return {f"{name}-sha256": hashlib.sha256(content).hexdigest(), f"{name}-bytes": str(len(content))}


def _bounded(headers: Headers) -> Headers:
    kept: list[tuple[str, bytes | None]] = []
    size = 0
    for name, content in headers:
        size += len(name) + len(content or b"")
        if size > HEADERS_KEPT_BYTES_MAX:
            kept.append(("weir-dlq-headers-cut", b"true"))
            break
        kept.append((name, content))
    return kept
