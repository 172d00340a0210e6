"""The envelope of a record: CloudEvents 1.0 in Kafka's binary mode. Headers in and out, nothing of the payload.

Reading is total: whatever stands in the headers, `read` returns an Envelope or raises EnvelopeError, briefly.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from shared import ids
from shared.messages.contract import Event, Timestamp

CONTENT_TYPE: Final = "application/json"
SPEC_VERSION: Final = "1.0"
HEADER_CHARACTERS_MAX: Final = 200
"""Of `ce_id`, `ce_source` and `ce_type`: they end in keys, logs and labels."""

Headers = list[tuple[str, bytes]]

_REQUIRED: Final = ("ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time")
_READ: Final = frozenset((*_REQUIRED, "ce_partitionkey", "ce_origintime", "content-type"))
_BOUNDED: Final = ("ce_id", "ce_source", "ce_type")


class EnvelopeError(ValueError):
    """These headers are no envelope of Weir; the message is the reason, short enough for a DLQ header."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who says what, and since when. `time` is when this event was emitted; `origin_time` when its order-paid was."""

    id: str
    source: str
    type: str
    time: datetime
    origin_time: datetime
    partition_key: str | None = None
    traceparent: str | None = None


def expected_id(event: Event) -> str:
    """Return the only `ce_id` that an event made by Weir may have: publishing it again changes nothing."""
    return ids.event_id(event.topic, event.marketplace, event.identity)


def headers_of(
    event: Event, source: str, emitted_at: datetime, origin_time: datetime, traceparent: str | None = None
) -> Headers:
    """Return the headers under which an event is published. Both times are aware; they are written in UTC."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", expected_id(event).encode()),
        ("ce_source", source.encode()),
        ("ce_type", event.type.encode()),
        ("ce_time", _written(emitted_at)),
        ("ce_partitionkey", event.key.encode()),
        ("ce_origintime", _written(origin_time)),
        ("content-type", b"application/json"),
    ]
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers


def read(headers: Iterable[tuple[str, bytes | None]]) -> Envelope:
    """Return the envelope in a record's headers. Unknown headers are ignored, whatever they hold.

    An order-paid from upstream may lack `ce_origintime` (it is the origin) and `ce_partitionkey`.

    Raises:
        EnvelopeError: a header is missing, null, repeated, not UTF-8, or not what the envelope says it must be.

    """
    found: dict[str, str] = {}
    traceparent = None
    for name, value in headers:
        if name in _READ:
            found[name] = _text(name, value, found)
        elif name == "traceparent":
            traceparent = value
    try:
        identity, source, kind = found["ce_id"], found["ce_source"], found["ce_type"]
        version, time = found["ce_specversion"], _time("ce_time", found["ce_time"])
    except KeyError as missing:
        message = f"header {missing.args[0]} is missing"
        raise EnvelopeError(message) from None
    if version != SPEC_VERSION:
        message = "ce_specversion is not 1.0"
        raise EnvelopeError(message)
    if not (identity.isprintable() and source.isprintable() and kind.isprintable()):
        message = "ce_id, ce_source or ce_type has a control character"
        raise EnvelopeError(message)
    _check_content_type(found)
    return Envelope(
        id=identity,
        source=source,
        type=kind,
        time=time,
        origin_time=_time("ce_origintime", found["ce_origintime"]) if "ce_origintime" in found else time,
        partition_key=found.get("ce_partitionkey"),
        # Tracing must never cost an event its place: what cannot be read is dropped (W3C Trace Context, 4.3).
        traceparent=traceparent.decode() if traceparent and traceparent.isascii() else None,
    )


def _text(name: str, value: bytes | None, found: dict[str, str]) -> str:
    if value is None:
        message = f"header {name} is null"
        raise EnvelopeError(message)
    if name in found:
        message = f"header {name} is repeated"
        raise EnvelopeError(message)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        message = f"header {name} is not UTF-8"
        raise EnvelopeError(message) from None
    if name in _BOUNDED and not 0 < len(text) <= HEADER_CHARACTERS_MAX:
        message = f"header {name} is empty or longer than {HEADER_CHARACTERS_MAX} characters"
        raise EnvelopeError(message)
    return text


def _check_content_type(found: dict[str, str]) -> None:
    content_type = found.get("content-type", CONTENT_TYPE)
    # Parameters such as a charset say nothing: JSON is UTF-8. Structured mode has another media type and is not read.
    if content_type != CONTENT_TYPE and content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        message = "content-type is not application/json"
        raise EnvelopeError(message)


_timestamps = msgspec.json.Decoder(Timestamp)


def _time(name: str, text: str) -> datetime:
    """Return an RFC 3339 time with an offset, in UTC."""
    try:
        # Through the JSON decoder, being six times as fast as any other strict reader; an escape is no part of a time.
        moment = _timestamps.decode(f'"{text}"') if "\\" not in text else None
        if moment is not None:
            return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (msgspec.DecodeError, OverflowError):
        pass
    message = f"header {name} is no RFC 3339 time with an offset"
    raise EnvelopeError(message)


@lru_cache(maxsize=1_024)
def _written(moment: datetime) -> bytes:
    if moment.tzinfo is None:
        message = "a time without a zone would be written as local time"
        raise ValueError(message)
    return msgspec.json.encode(moment.astimezone(UTC))[1:-1]
