"""What a callback says, and whether it can be true beside what the institution says when it is asked."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.domain.callbacks import UnreadableError, contradicted, read, timely
from payments.domain.lifecycles import INSTRUCTION, instruction_after


@pytest.mark.parametrize("state", INSTRUCTION)
def test_whatever_can_come_of_what_was_told_is_no_contradiction(state: str) -> None:
    assert not contradicted(state, state)
    happenings = [it for row in INSTRUCTION.values() for it in row]
    for first, second in itertools.product(happenings, repeat=2):
        after = instruction_after(instruction_after(state, first), second)  # type: ignore[arg-type] # a key of the table
        assert not contradicted(state, after)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("succeeded", "failed"),
        ("failed", "succeeded"),
        ("succeeded", "accepted"),
        ("returned", "succeeded"),
        ("failed", "returned"),
        ("accepted", None),
        ("succeeded", None),
    ],
)
def test_what_cannot_have_come_of_it_is(told: str, found: str | None) -> None:
    assert contradicted(told, found)


def test_of_a_word_that_is_not_ours_nothing_can_be_said() -> None:
    assert not contradicted("PROCESSING", "succeeded")


@pytest.mark.parametrize(("timestamp", "no"), [("1000", None), ("700", None), ("699", "timestamp_stale")])
def test_what_is_older_than_five_minutes_is_stale(timestamp: str, no: str | None) -> None:
    assert timely(timestamp, 1_000.0) == no


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_sent_is_read_or_said_to_be_unreadable(content: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        read(content)


@pytest.mark.parametrize("timestamp", ["", "²", "٣", "1e3", " 1000", "+1000", "1000.0", "\ud800"])
def test_a_time_is_ascii_digits(timestamp: str) -> None:
    assert timely(timestamp, 1_000.0) == "timestamp_invalid"
