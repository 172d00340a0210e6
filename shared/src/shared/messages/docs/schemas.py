"""JSON Schemas of the contracts, from their pydantic models."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.messages import EVENTS
from shared.messages.models import model_of

type Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles of fields, which only repeat their names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 - pydantic's own type of it is private
        """Say never."""
        del schema
        return False


def files() -> Iterator[tuple[str, Schema]]:
    """Give each contract's schema, complete in itself, with the name of its file."""
    for event in EVENTS:
        schema = model_of(event).model_json_schema(schema_generator=_Untitled)
        yield f"{event.type}.schema.json", {"$schema": DIALECT, "$id": f"urn:weir:{event.type}", **schema}


def shared(reference: str) -> dict[str, Schema]:
    """Return the schemas of all contracts and their parts by name, referring to each other by `reference`."""
    mode: Literal["validation"] = "validation"
    models = [(model_of(event), mode) for event in EVENTS]
    _, schema = models_json_schema(models, ref_template=reference, schema_generator=_Untitled)
    return dict(schema["$defs"])
