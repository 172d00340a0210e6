"""What every event has: a topic, a versioned type, a key, an identity, a body hash. Unknown fields are ignored.

A published contract only grows, by fields `name: T | msgspec.UnsetType = msgspec.UNSET`: what is not set is not
written, so that a document from before keeps its body hash (tests/contracts/golden pins it).
"""

import hashlib
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, ClassVar

import msgspec

from shared import ids
from shared.messages.texts import Texts, text
from shared.money import WIRE_INTEGER_MAX

ExternalId = Annotated[str, text(ids.EXTERNAL_ID_PATTERN, 64)]
WeirId = Annotated[str, text(ids.WEIR_ID_PATTERN, 200)]
DocumentId = Annotated[str, msgspec.Meta(pattern=ids.DOCUMENT_PATTERN)]
MarketplaceId = Annotated[str, msgspec.Meta(pattern=ids.MARKETPLACE_PATTERN)]
Currency = Annotated[str, msgspec.Meta(pattern=ids.CURRENCY_PATTERN)]
Label = Annotated[str, text(ids.LABEL_PATTERN, 128)]
Minor = Annotated[int, msgspec.Meta(ge=-WIRE_INTEGER_MAX, le=WIRE_INTEGER_MAX)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Revision = Annotated[int, msgspec.Meta(ge=1, le=WIRE_INTEGER_MAX)]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value inside an event."""


def normalise(part: msgspec.Struct, *names: str) -> None:
    """Put the times of a new part into UTC: one instant has one form, and so one body hash, whatever its offset was.

    Raises:
        ValueError: a time has no zone, or in UTC it falls outside the years 1 to 9999, which nothing can store.

    """
    for name in names:
        moment = getattr(part, name)
        if moment is None or moment.tzinfo is UTC:
            continue
        if moment.utcoffset() is None:
            message = f"{name} needs a time zone"
            raise ValueError(message)
        try:
            msgspec.structs.force_setattr(part, name, moment.astimezone(UTC))
        except OverflowError:
            message = f"{name} is outside the years 1 to 9999"
            raise ValueError(message) from None


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as it stands in the value of a Kafka record. `key` orders it, `identity` makes its `ce_id`."""

    topic: ClassVar[str]
    type: ClassVar[str]
    from_upstream: ClassVar[bool] = False
    """Outsiders publish it, so that it is believed only from the sources that its marketplace allows."""

    marketplace: MarketplaceId

    @property
    def key(self) -> str:
        """The record key, always `<marketplace>/…`: events of one key stay in order."""
        raise NotImplementedError

    @property
    def aggregate(self) -> str:
        """What this event is about, within one service: what is parked with it, and what waits behind it."""
        return self.key

    @property
    def identity(self) -> str:
        """What makes this event one event within its topic and marketplace."""
        raise NotImplementedError


_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """Return the JSON value of an event: known fields, in contract order."""
    return _encoder.encode(event)


class Decoder[S: msgspec.Struct]:
    """Reads the events of one contract, or anything else that holds parts of one."""

    def __init__(self, struct: type[S]) -> None:
        self._read = msgspec.json.Decoder(struct).decode
        self._texts = Texts(struct)

    def decode(self, value: bytes) -> S:
        """Return what is in `value`.

        Raises:
            msgspec.ValidationError: JSON, but not this contract.
            msgspec.DecodeError: not JSON.

        """
        try:
            value.decode()  # msgspec does not look into the strings of fields that it skips
            event = self._read(value)
        except UnicodeDecodeError as error:
            message = f"not UTF-8: {error}"
            raise msgspec.DecodeError(message) from None
        except RecursionError:
            message = "nested too deeply"
            raise msgspec.DecodeError(message) from None
        self._texts.check(value, event)
        return event


decoder = cache(Decoder)
"""Return the decoder of a contract, the same one each time."""


def decode[E: Event](struct: type[E], value: bytes) -> E:
    """Return the event of this contract in `value`; errors are those of `Decoder.decode`."""
    event: E = decoder(struct).decode(value)
    return event


def body_hash(event: Event) -> bytes:
    """Return SHA-256 over the decoded known fields in contract order, by which a repeat is told from a conflict."""
    return hashlib.sha256(_encoder.encode(event)).digest()
