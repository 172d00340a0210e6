"""A Kafka record on its way in: read without ever raising, so that each record of a batch has a fate of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from shared.envelope import Envelope, EnvelopeError, read
from shared.marketplaces import Marketplaces
from shared.messages import Event
from shared.messages.contract import Decoder

RECORD_BYTES_MAX: Final = 1_048_576
"""After decompression; a larger record goes to the dead letters cut short (architecture, Kafka settings)."""

ONLY_SERVICE: Final = "weir-only-service"
"""A redriven dead letter carries the one service that is to take it; the others skip it."""

Disposition = Literal["malformed", "contract", "business"]
INTERNAL: Final = "/weir/"
"""How the `ce_source` of Weir's own services begins."""


class Raw(msgspec.Struct, frozen=True, gc=False):
    """A record as Kafka gave it; nothing in it is trusted. `size`: bytes of key, value and headers."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    size: int = 0

    def __post_init__(self) -> None:
        """Count the bytes once: every limit asks for them."""
        size = len(self.key or b"") + len(self.value or b"")
        for name, content in self.headers:
            size += len(name) + len(content or b"")
        msgspec.structs.force_setattr(self, "size", size)


class Received[E: Event](msgspec.Struct, frozen=True, gc=False):
    """A record that keeps its contract: the event, and where it came from."""

    event: E
    envelope: Envelope
    raw: Raw

    @property
    def topic(self) -> str:
        """Its topic."""
        return self.raw.topic

    @property
    def partition(self) -> int:
        """Its partition."""
        return self.raw.partition

    @property
    def offset(self) -> int:
        """Its offset."""
        return self.raw.offset

    @property
    def event_id(self) -> str:
        """Its `ce_id`."""
        return self.envelope.id

    @property
    def source(self) -> str:
        """Its `ce_source`."""
        return self.envelope.source

    @property
    def origin_time(self) -> datetime:
        """When the order-paid was emitted that all of this goes back to."""
        return self.envelope.origin_time


class Bad(msgspec.Struct, frozen=True):
    """A record that nobody can handle, and why."""

    raw: Raw
    disposition: Disposition
    reason: str


@dataclass(frozen=True, slots=True)
class Batch[E: Event]:
    """Events of one fetch, in partition order."""

    events: Sequence[Received[E]]
    received_at: datetime

    def __iter__(self) -> Iterator[Received[E]]:
        """Go through the events in order."""
        return iter(self.events)

    def __len__(self) -> int:
        """Count the events."""
        return len(self.events)


def raw_of(record: Any) -> Raw:  # noqa: ANN401 - aiokafka is untyped
    """Return aiokafka's record as ours."""
    return Raw(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        record.headers,
    )


class Reader[E: Event]:
    """Turns raw records of one topic into events, or into what is wrong with them."""

    def __init__(self, struct: type[E], service: str, marketplaces: Marketplaces) -> None:
        self._struct = struct
        self._decoder = Decoder(struct)
        self._service = service.encode()
        self._marketplaces = marketplaces

    def read(self, raw: Raw) -> Received[E] | Bad | None:
        """Return the event, or why it is none; None for a redriven record that is another service's. Never raises."""
        only = [content for name, content in raw.headers if name == ONLY_SERVICE]
        if only and self._service not in only and None not in only:
            return None
        if raw.value is None or raw.size > RECORD_BYTES_MAX:
            return Bad(raw, "malformed", "value_missing" if raw.value is None else "record_too_large")
        try:
            envelope = read(raw.headers)
            event = self._decoder.decode(raw.value)
        except EnvelopeError as error:
            return Bad(raw, "malformed", str(error))
        except msgspec.ValidationError as error:
            return Bad(raw, "contract", f"contract: {error}")
        except msgspec.DecodeError as error:
            return Bad(raw, "malformed", f"not_json: {error}")
        reason = self._breach(raw, envelope, event)
        return Bad(raw, "contract", reason) if reason else Received(event, envelope, raw)

    def _breach(self, raw: Raw, envelope: Envelope, event: E) -> str | None:
        if envelope.type != self._struct.type:
            return f"type_unknown: {envelope.type}"
        if raw.key != event.key.encode():
            return "key_differs: the record key must be <marketplace>/<id> of the event"
        marketplace = self._marketplaces.find(event.marketplace)
        if marketplace is None:
            return "marketplace_unknown"
        believed = marketplace.allows(envelope.source) if event.from_upstream else envelope.source.startswith(INTERNAL)
        return None if believed else f"source_unknown: {envelope.source}"
