"""What a query, an update and an expression mean for one document. Pure; an operator that is not known is an error."""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId

Document = dict[str, Any]

MISSING: Final = object()
_RANKS: Final[dict[type, int]] = {type(None): 1, int: 2, float: 2, str: 3, dict: 4, list: 5, bytes: 6, ObjectId: 7}
_BOOL, _DATE = 8, 9
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class UnsupportedError(BaseException):
    """The services use something of MongoDB that this one does not have yet: build it, and its contract test.

    No Exception, so that nothing takes it for an outage and goes on.
    """


def matches(document: Document, query: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether a document is what a query asks for; `now` is the server's clock."""
    for path, wanted in query.items():
        if path == "$or":
            found = any(matches(document, one, now) for one in wanted)
        elif path == "$and":
            found = all(matches(document, one, now) for one in wanted)
        elif path == "$expr":
            found = bool(evaluate(wanted, document, now))
        elif path.startswith("$"):
            raise UnsupportedError(path)
        else:
            found = _field(document, path, wanted)
        if not found:
            return False
    return True


def _field(document: Document, path: str, wanted: Any) -> bool:  # noqa: ANN401 - any BSON value
    present = at(document, path)
    if type(wanted) is dict and wanted and next(iter(wanted)).startswith("$"):
        return all(_operator(present, name, value) for name, value in wanted.items())
    return _equal(present, wanted)


def at(document: Document, path: str) -> list[Any]:
    """Return all values that a dotted path leads to; a list is gone through, and stands for itself as well."""
    if "." not in path:
        if path not in document:
            return []
        value = document[path]
        return [*value, value] if type(value) is list else [value]
    first, rest = path.split(".", 1)
    below = document.get(first, MISSING)
    if type(below) is dict:
        return at(below, rest)
    if type(below) is not list:
        return []
    found = [value for one in below if type(one) is dict for value in at(one, rest)]
    number, _, further = rest.partition(".")
    if number.isdecimal() and int(number) < len(below):
        chosen = below[int(number)]
        if not further:
            found += [*chosen, chosen] if type(chosen) is list else [chosen]
        elif type(chosen) is dict:
            found += at(chosen, further)
    return found


def _equal(present: list[Any], wanted: Any) -> bool:  # noqa: ANN401 - any BSON value
    if wanted is None:
        return not present or any(value is None for value in present)
    return any(rank(value) == rank(wanted) and value == wanted for value in present)


def _operator(present: list[Any], name: str, wanted: Any) -> bool:  # noqa: ANN401 - any BSON value
    if compares := _COMPARISONS.get(name):
        return any(rank(value) == rank(wanted) and compares(value, wanted) for value in present)
    match name:
        case "$in":
            return any(_equal(present, one) for one in wanted)
        case "$nin":
            return not any(_equal(present, one) for one in wanted)
        case "$ne":
            return not _equal(present, wanted)
        case "$exists":
            return bool(present) == bool(wanted)
    raise UnsupportedError(name)


def rank(value: Any) -> int:  # noqa: ANN401 - any BSON value
    """Return where the type of a value stands in MongoDB's order; values of two types are never equal."""
    kind = type(value)
    if kind is bool:
        return _BOOL
    if kind is datetime:
        return _DATE
    found = _RANKS.get(kind) or (_RANKS[int] if isinstance(value, int) else None)  # the driver's Int64 is one
    if found is None:
        raise UnsupportedError(kind.__name__)
    return found


def sort_key(document: Document, path: str) -> tuple[int, Any]:
    """Return what documents are sorted by, ascending; a missing field is a null."""
    found = at(document, path)
    if len(found) > 1:
        raise UnsupportedError(path)  # lists are sorted by their least or their greatest
    value = found[0] if found else None
    return rank(value), 0 if value is None else value


def in_order(documents: list[Document], order: Sequence[tuple[str, int]]) -> list[Document]:
    """Return documents sorted by these fields, 1 upwards and -1 downwards."""
    for path, direction in reversed(order):
        documents = sorted(documents, key=lambda it, path=path: sort_key(it, path), reverse=direction < 0)  # type: ignore[misc] # a default argument
    return documents


def evaluate(expression: Any, document: Document, now: datetime) -> Any:  # noqa: ANN401 - any BSON value
    """Return what an aggregation expression comes to."""
    if type(expression) is str and expression.startswith("$"):
        if expression == "$$NOW":
            return now
        found = at(document, expression[1:])
        return found[0] if found else None
    if type(expression) is not dict:
        return expression
    [(name, given)] = expression.items()
    if name == "$literal":
        return given
    if name not in _FUNCTIONS:
        raise UnsupportedError(name)
    return _FUNCTIONS[name](*(evaluate(one, document, now) for one in given))


def _later(moment: datetime, milliseconds: int) -> datetime:
    return moment + timedelta(milliseconds=milliseconds)


_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "$or": lambda *values: any(values),
    "$cond": lambda condition, so, otherwise: so if condition else otherwise,
    "$eq": lambda left, right: (rank(left), left) == (rank(right), right),
    "$lt": lambda left, right: (rank(left), left) < (rank(right), right),
    "$ifNull": lambda value, otherwise: otherwise if value is None else value,
    "$add": _later,
    "$subtract": lambda moment, milliseconds: _later(moment, -milliseconds),
}
"""Of dates, sums and differences are all that Weir asks for: of anything else they fail."""


def projected(document: Document, fields: Mapping[str, int] | None) -> Document:
    """Return the fields that a reader asked for. `document` is the reader's own copy."""
    if not fields:
        return document
    others = [wanted for path, wanted in fields.items() if path != "_id"]
    if not any(others or fields.values()):
        return {name: value for name, value in document.items() if fields.get(name, 1)}
    tree: dict[str, list[str]] = {}
    for path, wanted in fields.items():
        if wanted:
            first, _, rest = path.partition(".")
            tree.setdefault(first, []).append(rest)
    if fields.get("_id", 1):
        tree.setdefault("_id", [""])
    narrowed = {name: _narrowed(value, tree[name]) for name, value in document.items() if name in tree}
    return {name: value for name, value in narrowed.items() if value is not MISSING}


def _narrowed(value: Any, paths: list[str]) -> Any:  # noqa: ANN401 - any BSON value
    if "" in paths:
        return value
    fields = dict.fromkeys(paths, 1)
    if type(value) is dict:
        return projected(value, fields | {"_id": 0} if "_id" not in fields else fields)
    if type(value) is list:
        return [_narrowed(one, paths) for one in value if type(one) in {dict, list}]
    return MISSING
