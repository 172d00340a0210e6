"""What all models of contracts have in common, and the field types they are made of. The rules are the structs'.

A model describes its fields (the documents are made from it) and reads the same JSON as its struct, neither more nor
less; tests/contracts proves it. Only the edges use models: HTTP, documents, tests. Events on the way use structs.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Self

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, StringConstraints, WithJsonSchema

from shared import ids
from shared.messages.contract import Timestamp as StructTimestamp
from shared.money import WIRE_INTEGER_MAX

TIMESTAMP_PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})(?!\n)$"
)


def _moment(value: Any) -> datetime:  # noqa: ANN401 - whatever stands in the document
    """Read a time as the structs do, because pydantic would also take numbers in strings, missing seconds and more."""
    message = "a time is an RFC 3339 string with an offset, within the years 1 to 9999"
    try:
        moment = value if isinstance(value, datetime) else msgspec.convert(value, StructTimestamp)
        if moment.utcoffset() is None:
            raise ValueError(message)
        return moment.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError(message) from None


ExternalId = Annotated[str, StringConstraints(pattern=ids.EXTERNAL_ID_PATTERN)]
WeirId = Annotated[str, StringConstraints(pattern=ids.WEIR_ID_PATTERN)]
DocumentId = Annotated[str, StringConstraints(pattern=ids.DOCUMENT_PATTERN)]
MarketplaceId = Annotated[str, StringConstraints(pattern=ids.MARKETPLACE_PATTERN)]
Currency = Annotated[str, StringConstraints(pattern=ids.CURRENCY_PATTERN)]
Label = Annotated[str, StringConstraints(pattern=ids.LABEL_PATTERN)]
Minor = Annotated[int, Field(ge=-WIRE_INTEGER_MAX, le=WIRE_INTEGER_MAX)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Revision = Annotated[int, Field(ge=1, le=WIRE_INTEGER_MAX)]
Attempt = Annotated[int, Field(ge=1, le=1_000)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
Timestamp = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": TIMESTAMP_PATTERN}),
]

Unset = InstanceOf[msgspec.UnsetType]
"""Beside the type of a field that a published contract grew by: no document has it, so null is refused as ever."""


def unset() -> Any:  # noqa: ANN401 - what pydantic's Field returns
    """Return the default of such a field. It is not written, nor shown in a JSON Schema."""
    return Field(default_factory=lambda: msgspec.UNSET, exclude_if=lambda value: value is msgspec.UNSET)


def unstated(default: Any) -> Any:  # noqa: ANN401 - of any field, what pydantic's Field returns
    """Return a default that is not written: of structs that omit what is not stated."""
    return Field(default=default, exclude_if=lambda value: value == default)


def listed(least: int, most: int) -> Any:  # noqa: ANN401 - what pydantic's Field returns
    """Return the bounds of a list. It may come as a list, which is what JSON has; it is kept as a tuple."""
    return Field(min_length=least, max_length=most, strict=False)


class Model(BaseModel):
    """A value inside an event. The text under a field is its description, with its unit."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        regex_engine="python-re",
        use_attribute_docstrings=True,
    )


@dataclass(frozen=True, slots=True)
class Fraction:
    """A JSON number with a fraction or exponent. No contract has any, so none becomes a float."""

    text: str


_json = msgspec.json.Decoder(float_hook=Fraction)


class EventModel(Model):
    """An event as it stands in the value of a Kafka record."""

    marketplace: MarketplaceId
    """The marketplace (tenant) whose event this is; every key begins with it."""

    @classmethod
    def read(cls, value: bytes) -> Self:
        """Return the event in a JSON value, read by the JSON reader that the structs have.

        Raises:
            msgspec.DecodeError: not JSON.
            pydantic.ValidationError: JSON, but not this contract.

        """
        try:
            return cls.model_validate(_json.decode(value))
        except (UnicodeDecodeError, RecursionError) as error:
            message = f"not JSON: {error}"
            raise msgspec.DecodeError(message) from None
