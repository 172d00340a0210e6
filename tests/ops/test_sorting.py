"""Sorting more than memory holds, and joining."""

import random

from hypothesis import given
from hypothesis import strategies as st

from ops.sorting import in_order, joined

rows = st.lists(st.tuples(st.text(max_size=2), st.none() | st.integers()))


@given(rows, st.integers(min_value=1, max_value=5))
def test_rows_come_out_sorted_whole_and_stable_whatever_fits_in_memory(
    given_rows: list[tuple[str, int | None]], held: int
) -> None:
    assert list(in_order(given_rows, held)) == sorted(given_rows, key=lambda row: row[0])


@given(rows, rows)
def test_a_join_shows_every_row_of_both_sides_under_its_key(
    left: list[tuple[str, int | None]], right: list[tuple[str, int | None]]
) -> None:
    found = list(joined(in_order(left), in_order(right)))
    assert [key for key, _ in found] == sorted({row[0] for row in left + right})
    for key, (lefts, rights) in found:
        assert lefts == [(row[1],) for row in left if row[0] == key]
        assert rights == [(row[1],) for row in right if row[0] == key]


def test_many_rows_go_through_files() -> None:
    numbers = list(range(5_000))
    random.Random(7).shuffle(numbers)
    assert [row[0] for row in in_order(((n,) for n in numbers), 300)] == sorted(numbers)
