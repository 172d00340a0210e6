"""What was published once is read for ever: same key, same event id, same body hash, by both readers."""

from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect
import pytest
from tests.contracts.samples import GOLDEN, SAMPLES, STRUCTS, Sample

from shared import envelope
from shared.messages import body_hash, decode, encode
from shared.messages.models import model_of

UPSTREAM_IDS = {
    "weir.order-paid.v1/minimal",
    "weir.order-paid.v1/from-a-later-writer",
    "weir.order-paid.v1/paid-with-nothing",
    "weir.order-progressed.v1/minimal",
    "weir.order-progressed.v1/cancelled-line",
    "weir.order-progressed.v1/from-a-later-writer",
}
"""Samples that an outsider published under an id of its own."""

every_sample = pytest.mark.parametrize("golden", SAMPLES, ids=lambda it: it.name)


@every_sample
def test_a_published_record_is_read_by_todays_reader(golden: Sample) -> None:
    event = decode(golden.struct, golden.value)
    assert event.key == golden.key
    assert body_hash(event).hex() == golden.body_hash
    assert decode(golden.struct, encode(event)) == event


@every_sample
def test_a_published_record_is_read_by_the_model_as_the_same_event(golden: Sample) -> None:
    model = model_of(golden.struct).read(golden.value)
    assert msgspec.convert(model.model_dump(), golden.struct) == decode(golden.struct, golden.value)


@every_sample
def test_published_headers_are_read_and_their_event_id_is_derived(golden: Sample) -> None:
    read = envelope.read(golden.raw_headers)
    assert read.type == golden.struct.type
    assert read.partition_key in (golden.key, None)
    derived = envelope.expected_id(decode(golden.struct, golden.value))
    assert (read.id != derived) if golden.name in UPSTREAM_IDS else (read.id == derived)


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_published_version_has_samples(kind: str) -> None:
    names = {path.stem for path in (GOLDEN / kind).glob("*.json")}
    assert {"minimal", "full", "from-a-later-writer"} <= names


def test_no_sample_is_of_a_version_without_a_reader() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(STRUCTS)


@pytest.mark.parametrize("kind", STRUCTS)
def test_the_full_sample_has_every_field(kind: str) -> None:
    golden = next(it for it in SAMPLES if it.name == f"{kind}/full")
    required = {field.name for field in msgspec.structs.fields(golden.struct)}
    assert required == set(golden.document)


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_field_of_every_part_is_in_some_sample(kind: str) -> None:
    documents = [
        it.document for it in SAMPLES if it.struct.type == kind and not it.name.endswith("from-a-later-writer")
    ]
    missing = set(_fields(STRUCTS[kind])) - {field for document in documents for field in _written(document)}
    assert missing == set()


def _fields(struct: type[Any], at: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        yield f"{at}{field.name}"
        inner = msgspec.inspect.type_info(field.type)
        inner = inner.item_type if isinstance(inner, msgspec.inspect.VarTupleType) else inner
        if isinstance(inner, msgspec.inspect.StructType):
            yield from _fields(inner.cls, f"{at}{field.name}.")


def _written(document: dict[str, Any], at: str = "") -> Iterator[str]:
    for name, value in document.items():
        yield f"{at}{name}"
        for part in value if isinstance(value, list) else (value,):
            if isinstance(part, dict):
                yield from _written(part, f"{at}{name}.")
