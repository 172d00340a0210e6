"""A struct and its model are one contract: they take and refuse the same documents and read them alike.

Two things are outside, both left open by JSON itself: a name that stands twice in one object, and an integer of more
than 4,300 digits in a field that the contract does not know.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec
import msgspec.inspect
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from tests.contracts import documents
from tests.contracts.samples import SAMPLES, Sample, sample

from shared.messages import EVENTS, Event, decode, encode
from shared.messages.models import model_of

_UNKNOWN = [
    *(b"NaN", b"-", b"+1", b".5", b"01", b"1.", b"1e", b"-0", b"1e999", b"1e99999999999999999999", b"9" * 400),
    *(
        b'"\xff"',
        b'"\\ud800"',
        b'"\\ud800abcdefgh"',
        b'"\\udc00\\u0041"',
        b'"\\q"',
        b'"\\u12"',
        b'"\\u0000"',
        b'"a\tb"',
    ),
    *(b"tru", b"{1:2}", b'{"a":1,}', b"[1,]", b"[" * 300 + b"]" * 300, b"{}"),
]
"""What a reader might not look at closely, because it skips the field."""


def _grown(struct: type[Any], at: str = "") -> Iterator[str]:
    """Give the fields that are neither required nor have a value where they are absent."""
    for field in msgspec.structs.fields(struct):
        if field.default is msgspec.UNSET:
            yield f"{at}{field.name}"
        inner = msgspec.inspect.type_info(field.type)
        inner = inner.item_type if isinstance(inner, msgspec.inspect.VarTupleType) else inner
        if isinstance(inner, msgspec.inspect.StructType):
            yield from _grown(inner.cls, f"{at}{field.name}.")


GROWN: Final = [(struct, at) for struct in EVENTS for at in _grown(struct)]

FULL: Final = [it for it in SAMPLES if it.name.endswith(("/full", "/ruled"))]
"""Together they have every field of every contract."""

every_full_sample = pytest.mark.parametrize("full", FULL, ids=lambda it: it.name)
every_contract = pytest.mark.parametrize("struct", EVENTS, ids=lambda it: it.__name__)


def _by_struct(struct: type[Event], value: bytes) -> Event | None:
    try:
        return decode(struct, value)
    except msgspec.DecodeError:
        return None


def _by_model(struct: type[Event], value: bytes) -> Event | None:
    try:
        model = model_of(struct).read(value)
    except (ValidationError, msgspec.DecodeError):
        return None
    return msgspec.convert(model.model_dump(), struct)


def _agree(struct: type[Event], value: bytes) -> Event | None:
    event = _by_struct(struct, value)
    assert event == _by_model(struct, value), value[:2000]
    return event


def _agree_on(struct: type[Event], document: documents.Json) -> Event | None:
    """Try the document with blanks and without: what is visible ASCII throughout is checked in another way."""
    spaced = _agree(struct, json.dumps(document, ensure_ascii=False).encode())
    assert spaced == _agree(struct, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    return spaced


@every_contract
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_both_take_every_valid_document(struct: type[Event], data: st.DataObject) -> None:
    document = data.draw(documents.valid(struct))
    assert _agree_on(struct, document) is not None


@every_contract
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_both_say_the_same_of_a_document_that_was_tampered_with(struct: type[Event], data: st.DataObject) -> None:
    document = data.draw(documents.valid(struct))
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(list(documents.places(document))))
        document = documents.changed(document, place, data.draw(st.sampled_from(documents.ODD)))
    _agree_on(struct, document)


@every_full_sample
def test_both_say_the_same_of_every_odd_value_in_every_place(full: Sample) -> None:
    struct, document = full.struct, full.document
    verdicts = {
        _agree_on(struct, documents.changed(document, place, odd)) is not None
        for place in documents.places(document)
        for odd in documents.ODD
    }
    assert verdicts == {True, False}


@every_full_sample
def test_both_say_the_same_of_every_odd_value_in_a_document_of_visible_ascii(full: Sample) -> None:
    struct, document = full.struct, _visible(full.document)
    value = json.dumps(document, separators=(",", ":"))
    assert value.isascii()
    assert value.isprintable()
    assert not {" ", "\\"} & set(value)
    verdicts = {
        _agree_on(struct, documents.changed(document, place, odd)) is not None
        for place in documents.places(document)
        for odd in documents.ODD
    }
    assert verdicts == {True, False}


def _visible(document: documents.Json) -> documents.Json:
    for place in list(documents.places(document)):
        if isinstance(text := _at(document, place), str):
            document = documents.changed(document, place, re.sub(r"[^!-\[\]-~]", "-", text))
    return document


@every_contract
def test_both_have_the_same_longest_and_shortest_lists(struct: type[Event]) -> None:
    lists = {
        tuple(name for name in at if isinstance(name, str)): (it.document, at, items)
        for it in FULL
        if it.struct is struct
        for at in documents.places(it.document)
        if isinstance(items := _at(it.document, at), list) and items
    }
    bounds = dict(_bounds(struct))
    assert lists.keys() == bounds.keys()
    for document, at, items in lists.values():
        least, most = bounds[tuple(name for name in at if isinstance(name, str))]
        for length in {max(least - 1, 0), least, most, most + 1}:
            event = _agree_on(struct, documents.changed(document, at, [items[0]] * length))
            assert (event is not None) == (least <= length <= most), (at, length)


@every_contract
@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"1",
        b'"x"',
        b"{",
        b"{}",
        b"{}{}",
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"unknown": NaN}',
        b'{"unknown": Infinity}',
        b'{"unknown": "\xff"}',
        b'{"unknown": "\\ud800"}',
        b"[" * 100_000,
        b'{"unknown": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"unknown": ' + b"9" * 5_000 + b"}",
    ],
    ids=lambda it: repr(it[:20]),
)
def test_neither_takes_what_is_no_json_object_of_the_contract(struct: type[Event], value: bytes) -> None:
    assert _agree(struct, value) is None


@every_contract
@pytest.mark.parametrize("unknown", _UNKNOWN, ids=lambda it: repr(it[:20]))
def test_both_say_the_same_of_what_stands_in_unknown_fields(struct: type[Event], unknown: bytes) -> None:
    known = sample(struct.type, "minimal").value
    _agree(struct, b'{"unknown": ' + unknown + b", " + known[1:])


@every_contract
def test_both_have_the_same_fields_in_the_same_order_with_the_same_defaults(struct: type[Event]) -> None:
    _same_fields(struct, model_of(struct))


@pytest.mark.parametrize("golden", SAMPLES, ids=lambda it: it.name)
def test_both_write_the_same(golden: Sample) -> None:
    model = model_of(golden.struct).read(golden.value)
    assert json.loads(model.model_dump_json()) == json.loads(encode(decode(golden.struct, golden.value)))


@pytest.mark.parametrize(("struct", "at"), GROWN, ids=str)
def test_a_field_that_a_contract_grew_by_is_absent_or_set_and_never_null(struct: type[Event], at: str) -> None:
    found = [
        (it.document, place)
        for it in SAMPLES
        if it.struct is struct
        for place in documents.places(it.document)
        if ".".join(name for name in place if isinstance(name, str)) == at and isinstance(place[-1], str)
    ]
    assert found
    for document, place in found:
        assert _agree_on(struct, documents.changed(document, place, None)) is None
        event = _agree_on(struct, documents.changed(document, place, documents.ABSENT))
        assert event is not None
        with pytest.raises(KeyError):
            _at(json.loads(encode(event)), place)


@every_contract
def test_every_field_of_a_model_is_described(struct: type[Event]) -> None:
    schema = model_of(struct).model_json_schema()
    undescribed = [
        f"{name}.{field}"
        for name, it in {struct.__name__: schema, **schema.get("$defs", {})}.items()
        for field, described in it["properties"].items()
        if not described.get("description", "").endswith(".")
    ]
    assert undescribed == []


def _at(document: documents.Json, place: documents.Path) -> documents.Json:
    for name in place:
        document = document[name]
    return document


def _bounds(struct: type[Any], at: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], tuple[int, int]]]:
    found = []
    for field in msgspec.structs.fields(struct):
        it = msgspec.inspect.type_info(field.type)
        if isinstance(it, msgspec.inspect.VarTupleType):
            assert it.max_length is not None, f"{field.name} has no limit"
            found.append(((*at, field.name), (it.min_length or 0, it.max_length)))
            if isinstance(it.item_type, msgspec.inspect.StructType):
                found += _bounds(it.item_type.cls, (*at, field.name))
    return found


def _same_fields(struct: type[Any], model: type[BaseModel]) -> None:
    ours = msgspec.structs.fields(struct)
    theirs = model.model_fields
    assert [it.name for it in ours] == list(theirs)
    for it in ours:
        other = theirs[it.name]
        assert it.required == other.is_required()
        assert it.required or it.default == other.get_default(call_default_factory=True)
        inner = msgspec.inspect.type_info(it.type)
        inner = inner.item_type if isinstance(inner, msgspec.inspect.VarTupleType) else inner
        if isinstance(inner, msgspec.inspect.StructType):
            nested = next(_models(other.annotation))
            assert nested.__name__ == inner.cls.__name__
            _same_fields(inner.cls, nested)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - of any field
    """Give the models inside a field: its own, in a tuple, or beside what says that the field may be absent."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for one in get_args(annotation):
        yield from _models(one)
