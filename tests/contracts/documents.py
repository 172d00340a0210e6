"""JSON documents to try contracts with: valid ones drawn from the struct's own types, and ways to break them."""

import copy
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import msgspec.inspect as shape
from hypothesis import strategies as st

from shared.messages import Event

type Path = tuple[str | int, ...]
type Json = Any

ABSENT: Final = object()

_EARLIEST: Final = datetime(2, 1, 1)  # noqa: DTZ001 - offsets are drawn beside it
_LATEST: Final = datetime(9998, 1, 1)  # noqa: DTZ001 - the same

ODD_TIMES: Final = (
    "2024-01-01T00:00:00Z",
    "2024-01-01t00:00:00z",
    "2024-01-01 00:00:00Z",
    "2024-01-01_00:00:00Z",
    "2024-01-01T00:00:00",
    "2024-01-01",
    "2024-01-01T00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-12-31T23:59:60Z",
    "2024-02-30T00:00:00Z",
    "2024-01-01T00:00:00,5Z",
    "2024-01-01T00:00:00.Z",
    "2024-01-01T00:00:00.5Z",
    "2024-01-01T00:00:00.1234565Z",
    "2024-01-01T00:00:00.9999999Z",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+01:00",
    "0000-01-01T00:00:00Z",
    "2024-01-01T00:00:00+01",
    "2024-01-01T00:00:00+0100",
    "2024-01-01T00:00:00+23:59",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01T00:00:00-00:00",
    "2024-01-01T00:00:00\N{MINUS SIGN}01:00",
    "2024-01-01T00:00:00Z\n",
    " 2024-01-01T00:00:00Z",
    "20240101T000000Z",
    "2024-W01-1T00:00:00Z",
    "1704067200",
    "1704067200.5",
)

ODD_TEXTS: Final = (
    "",
    "a",
    " ",
    "a b",
    "a/b",
    "/",
    "a\n",
    "a\x00",
    "\x1f",
    "\x7f",
    "\x85",
    "\u2028",
    "é",
    "中文",
    "\N{GRINNING FACE}",
    "BRL",
    "brl",
    "BRL\n",
    "pay",
    "pay\n",
    "PAY",
    "true",
    "1",
    "o:",
    "o:x",
    "x:o",
    "o:o-1\n",
    *("x" * length for length in (32, 33, 64, 65, 128, 129, 200, 201, 500, 501)),
    *("\N{GRINNING FACE}" * length for length in (128, 129)),
)

ODD_NUMBERS: Final = (
    *(0, 1, -1, 365, 366, 1_000, 1_001, 10_000, 10_001, 1_000_000, 1_000_001),
    *(2**31, 2**53 - 1, 2**53, -(2**53) + 1, -(2**53), 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30),
    *(0.0, 1.0, -1.0, 0.5, 1e3, 1e300, True, False),
)

ODD_SHAPES: Final[tuple[Json, ...]] = (None, ABSENT, [], {}, [[]], [None], [{}], {"": None}, {"marketplace": 1})

ODD: Final = (*ODD_SHAPES, *ODD_NUMBERS, *ODD_TEXTS, *ODD_TIMES)
"""What may stand where something else should."""


def places(document: Json, at: Path = ()) -> Iterator[Path]:
    """Go through every place of a document, the whole included."""
    yield at
    if isinstance(document, dict | list):
        for name, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield from places(value, (*at, name))


def changed(document: Json, place: Path, value: Json) -> Json:
    """Return the document with another value in one place, or without it."""
    if not place:
        return {} if value is ABSENT else value
    changed = copy.deepcopy(document)
    parent = changed
    for name in place[:-1]:
        parent = parent[name]
    if value is ABSENT:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return changed


def valid(struct: type[Event]) -> st.SearchStrategy[Json]:
    """Documents that the contract allows, with unknown fields among them."""
    return _of(shape.type_info(struct))


_unknown: st.SearchStrategy[dict[str, Json]] = st.dictionaries(
    st.sampled_from(["unknown", "colour"]), st.sampled_from([None, 1.5, "x", [{}]]), max_size=1
)


def _of(it: shape.Type) -> st.SearchStrategy[Json]:
    match it:
        case shape.StructType(fields=fields):
            required = {field.encode_name: _of(field.type) for field in fields if field.required}
            optional = {field.encode_name: _of(field.type) for field in fields if not field.required}
            known = st.fixed_dictionaries(required, optional=optional)
            return st.builds(lambda known, unknown: {**known, **unknown}, known, _unknown)
        case shape.VarTupleType(item_type=item, min_length=least):
            return st.lists(_of(item), min_size=least or 0, max_size=(least or 0) + 1)
        case shape.UnionType(types=types):
            return st.one_of([_of(one) for one in types])
        case shape.DateTimeType():
            return st.builds(_written, st.datetimes(_EARLIEST, _LATEST), st.integers(-839, 839))
        case shape.BoolType():
            return st.booleans()
        case _:
            return _scalar(it)


def _scalar(it: shape.Type) -> st.SearchStrategy[Json]:
    match it:
        case shape.Metadata(extra={"pattern": str(pattern)}):
            return st.from_regex(pattern)
        case shape.IntType(ge=least, le=most):
            return st.integers(least, most)
        case shape.StrType(pattern=str(pattern)):
            return st.from_regex(pattern)
        case shape.StrType(max_length=most):
            return st.text(max_size=most)
        case shape.LiteralType(values=values):
            return st.sampled_from(values)
        case shape.NoneType() | shape.BoolType():
            return st.none() if isinstance(it, shape.NoneType) else st.booleans()
    message = f"no documents are drawn for {it}"
    raise TypeError(message)


def _written(moment: datetime, offset_minutes: int) -> str:
    return moment.replace(tzinfo=timezone(timedelta(minutes=offset_minutes))).isoformat()
