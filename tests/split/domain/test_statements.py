"""A statement's running balance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from split.domain.statements import Tally

AMOUNTS = st.lists(st.integers(-(10**13), 10**13), max_size=30)


@given(st.integers(-(10**15), 10**15), AMOUNTS)
def test_opening_and_entries_are_closing_however_they_are_paged(opening: int, amounts: list[int]) -> None:
    whole = [Tally(opening, opening + sum(amounts))]
    whole += whole[0].with_each(amounts)
    assert [it.balance_minor for it in whole] == [opening + sum(amounts[:place]) for place in range(len(amounts) + 1)]
    last = whole[-1]
    last.check_closed()
    assert last.opening_minor + last.credit_minor - last.debit_minor == last.closing_minor
    assert (last.entries, min(last.credit_minor, last.debit_minor) >= 0) == (len(amounts), True)
    half = whole[len(amounts) // 2]
    assert [*half.with_each(amounts[len(amounts) // 2 :])] == whole[len(amounts) // 2 + 1 :]


def test_what_does_not_reach_the_closing_balance_is_not_called_right() -> None:
    tally = Tally(5, 8).after(2)
    assert not tally.closed
    with pytest.raises(ValueError, match="the entries end at 7, the books say 8"):
        tally.check_closed()
    tally.after(1).check_closed()
