"""An update of what differs makes the stored value the new one, and writes no more than it has to."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared import changes


class Inner(msgspec.Struct, frozen=True):
    """A value inside a part."""

    amount: int = 0
    tax: int | msgspec.UnsetType = msgspec.UNSET


class Part(msgspec.Struct, frozen=True):
    """A part of a stored list."""

    state: str
    inner: Inner = Inner()
    returned: int | msgspec.UnsetType = msgspec.UNSET


unset = st.just(msgspec.UNSET)
inners = st.builds(Inner, st.integers(0, 2), unset | st.integers(0, 2))
parts = st.builds(Part, st.sampled_from("ab"), inners, unset | st.integers(0, 2))


def stored(them: list[Part]) -> dict[str, Any]:
    return {"parts": [msgspec.to_builtins(it) for it in them]}


def updated(document: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Do what `$set` does."""
    for path, content in fields.items():
        at: Any = document
        *way, last = (int(name) if name.isdigit() else name for name in path.split("."))
        for name in way:
            at = at[name]
        at[last] = content
    return document


@given(st.lists(parts, max_size=4), st.lists(parts, max_size=4))
def test_the_update_makes_the_stored_list_the_new_one(before: list[Part], after: list[Part]) -> None:
    assert updated(stored(before), changes.of_list("parts", before, after)) == stored(after)


def test_only_the_fields_that_moved_are_written() -> None:
    before = [Part("a"), Part("b", returned=1), Part("c")]
    after = [Part("a"), Part("d", returned=1), Part("c", returned=2)]
    assert changes.of_list("parts", before, after) == {"parts.1.state": "d", "parts.2.returned": 2}
    assert changes.of_list("parts", before, before) == {}


def test_a_part_that_has_lost_a_field_is_written_whole() -> None:
    fields = changes.of_list("parts", [Part("a"), Part("b", returned=1)], [Part("a"), Part("c")])
    assert fields == {"parts.1": {"state": "c", "inner": {"amount": 0}}}
