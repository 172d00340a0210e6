r"""The strings of an event, checked together: `re` for each of them was three quarters of the time of reading an event.

A record of visible ASCII without `\` has only strings that are visible ASCII, so that most patterns hold once msgspec
has looked at the length. What is left then are the strings that may have no `/`, where the record has one at all. In
any other record every string is held against its pattern.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from shared import ids

_PATTERN: Final = "pattern"
_ANY_VISIBLE: Final = frozenset({ids.WEIR_ID_PATTERN, ids.LABEL_PATTERN})
"""Patterns that take whatever is visible ASCII."""
_NO_SLASH: Final = frozenset({ids.EXTERNAL_ID_PATTERN})
"""Patterns that take that without `/`."""
_VISIBLE: Final = bytes(range(0x21, 0x7F)).replace(b"\\", b"")


def text(pattern: str, length_max: int) -> msgspec.Meta:
    """Return what a string has to be. msgspec checks its length, and only `Texts` its pattern.

    So events are read by `shared.messages.contract.Decoder`, never by msgspec's own.

    Raises:
        ValueError: it is not known which strings of visible ASCII this pattern takes.

    """
    if pattern not in _ANY_VISIBLE | _NO_SLASH:
        message = f"which strings of visible ASCII does {pattern} take?"
        raise ValueError(message)
    return msgspec.Meta(min_length=1, max_length=length_max, extra={_PATTERN: pattern})


class Texts:
    """The strings of one contract."""

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        info = inspect.type_info(struct)
        self._all = _places(info, _ANY_VISIBLE | _NO_SLASH)
        self._no_slash = _places(info, _NO_SLASH)

    def check(self, value: bytes, event: msgspec.Struct) -> None:
        """Hold the strings of an event that was read from `value` against their patterns.

        Raises:
            msgspec.ValidationError: one breaks its pattern, in msgspec's own words.

        """
        if value.translate(None, _VISIBLE):
            mistake = self._all.mistake(event, "$")
        elif b"/" in value:
            mistake = self._no_slash.mistake(event, "$")
        else:
            return
        if mistake:
            raise msgspec.ValidationError(mistake)


class _Places(NamedTuple):
    """Where a struct has strings: its own fields and its parts."""

    own: tuple[tuple[str, re.Pattern[str]], ...]
    parts: tuple[tuple[str, "_Places"], ...]

    def mistake(self, struct: msgspec.Struct, path: str) -> str | None:
        for name, pattern in self.own:
            for one in _tuple(getattr(struct, name)):
                if not pattern.search(one):
                    return f"Expected `str` matching regex {pattern.pattern!r} - at `{path}.{name}`"
        for name, places in self.parts:
            for part in _tuple(getattr(struct, name)):
                if mistake := places.mistake(part, f"{path}.{name}[...]"):
                    return mistake
        return None


def _tuple(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - of any field
    if isinstance(value, tuple):
        return value
    return () if value is None or value is msgspec.UNSET else (value,)


def _places(info: inspect.Type, patterns: frozenset[str]) -> _Places:
    own, parts = [], []
    for field in info.fields if isinstance(info, inspect.StructType) else ():
        for one in _inside(field.type):
            if isinstance(one, inspect.StructType) and any(places := _places(one, patterns)):
                parts.append((field.name, places))
            elif isinstance(one, inspect.Metadata) and (pattern := (one.extra or {}).get(_PATTERN)) in patterns:
                own.append((field.name, re.compile(pattern)))
    return _Places(tuple(own), tuple(parts))


def _inside(it: inspect.Type) -> Iterator[inspect.Type]:
    """Go through what a field may hold, in a tuple or by itself."""
    match it:
        case inspect.VarTupleType(item_type=item) | inspect.Metadata(type=inspect.VarTupleType(item_type=item)):
            yield from _inside(item)
        case inspect.UnionType(types=types):
            for one in types:
                yield from _inside(one)
        case _:
            yield it
