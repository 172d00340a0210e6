"""What every event has: a topic, a versioned type, a key, an identity, a body hash. Unknown fields are ignored on reading."""

import hashlib
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from shared import ids
from shared.money import WIRE_INTEGER_MAX

ExternalId = Annotated[str, msgspec.Meta(pattern=ids.EXTERNAL_ID_PATTERN)]
WeirId = Annotated[str, msgspec.Meta(pattern=ids.WEIR_ID_PATTERN)]
MarketplaceId = Annotated[str, msgspec.Meta(pattern=ids.MARKETPLACE_PATTERN)]
Currency = Annotated[str, msgspec.Meta(pattern=ids.CURRENCY_PATTERN)]
Label = Annotated[str, msgspec.Meta(pattern=ids.LABEL_PATTERN)]
Minor = Annotated[int, msgspec.Meta(ge=-WIRE_INTEGER_MAX, le=WIRE_INTEGER_MAX)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Revision = Annotated[int, msgspec.Meta(ge=1, le=WIRE_INTEGER_MAX)]
BasisPoints = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]


class Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value inside an event."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as it stands in the value of a Kafka record. `key` orders it, `identity` makes its `ce_id`."""

    topic: ClassVar[str]
    type: ClassVar[str]

    marketplace: MarketplaceId

    @property
    def key(self) -> str:
        """The record key, always `<marketplace>/…`: events of one key stay in order."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """What makes this event one event within its topic and marketplace."""
        raise NotImplementedError


_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """Return the JSON value of an event: known fields, in contract order."""
    return _encoder.encode(event)


def decode[E: Event](struct: type[E], value: bytes) -> E:
    """Return the event in `value`.

    Raises:
        msgspec.ValidationError: JSON, but not this contract.
        msgspec.DecodeError: not JSON.

    """
    return msgspec.json.decode(value, type=struct)


def body_hash(event: Event) -> bytes:
    """Return SHA-256 over the decoded known fields in contract order, by which a repeat is told from a conflict."""
    return hashlib.sha256(_encoder.encode(event)).digest()
