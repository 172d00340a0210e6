"""What an update makes of a document."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import bson
from tests.simulation.mongo.values import MISSING, Document, UnsupportedError, evaluate, rank

type Update = Mapping[str, Any] | list[Mapping[str, Any]]


def changed(document: Document, update: Update, now: datetime, *, inserting: bool = False) -> Document:
    """Change a document, which is the caller's own copy, and return it; `inserting`: an upsert is making it."""
    if isinstance(update, list):
        for stage in update:
            [(name, fields)] = stage.items()
            if name != "$set":
                raise UnsupportedError(name)
            document |= {path: evaluate(expression, document, now) for path, expression in fields.items()}
        return document
    for name, fields in update.items():
        for path, value in fields.items():
            _change(document, name, path, value, inserting=inserting)
    return document


def _change(document: Document, name: str, path: str, value: Any, *, inserting: bool) -> None:  # noqa: ANN401 - any BSON value
    holder, key = _place(document, path, make=name != "$unset")
    if holder is None:
        return
    if name == "$unset":
        _remove(holder, key)
    elif name in {"$set", "$setOnInsert"}:
        if name == "$set" or inserting:
            _put(holder, key, value)
    elif name in _MERGES:
        there = _get(holder, key)
        merged = _MERGES[name](there, value)
        if merged is not there:
            _put(holder, key, merged)
    else:
        raise UnsupportedError(name)


def _sum(there: Any, value: Any) -> Any:  # noqa: ANN401 - any BSON value
    return value if there is MISSING else there + value


def _greater(there: Any, value: Any) -> Any:  # noqa: ANN401 - any BSON value
    return value if there is MISSING or (rank(value), value) > (rank(there), there) else there


def _with(there: Any, value: Any) -> Any:  # noqa: ANN401 - any BSON value
    items = [] if there is MISSING else there
    known = any(bson.encode({"": value}) == bson.encode({"": it}) for it in items)  # the order of fields counts
    return there if known else [*items, value]


_MERGES: Final[dict[str, Callable[[Any, Any], Any]]] = {"$inc": _sum, "$max": _greater, "$addToSet": _with}


def _remove(holder: Any, key: str) -> None:  # noqa: ANN401 - any BSON value
    if isinstance(holder, dict):
        holder.pop(key, None)
    elif _get(holder, key) is not MISSING:
        _put(holder, key, None)


def _place(document: Document, path: str, *, make: bool) -> tuple[Any, str]:
    """Return what holds the last part of a path, and that part; a holder of None: there is none and none is made."""
    *above, last = path.split(".")
    holder: Any = document
    for part in above:
        below = _get(holder, part)
        if below is MISSING:
            if not make:
                return None, last
            below = {}
            _put(holder, part, below)
        holder = below
    return holder, last


def _get(holder: Any, key: str) -> Any:  # noqa: ANN401 - any BSON value
    if isinstance(holder, list):
        return holder[int(key)] if int(key) < len(holder) else MISSING
    return holder.get(key, MISSING)


def _put(holder: Any, key: str, value: Any) -> None:  # noqa: ANN401 - any BSON value
    if isinstance(holder, list):
        number = int(key)
        holder.extend([None] * (number + 1 - len(holder)))
        holder[number] = value
    else:
        holder[key] = value


def seed_of(query: Mapping[str, Any]) -> Document:
    """Return the fields that an upsert takes over from its query: those compared for equality."""
    seed: Document = {}
    for path, wanted in query.items():
        operators = isinstance(wanted, dict) and any(name.startswith("$") for name in wanted)
        if not path.startswith("$") and not operators:
            seed[path] = wanted
    return seed
