"""Rows come back from their files as they went in."""

from pathlib import Path

import pytest
from bson.int64 import Int64

from ops.audit.rows import Kept
from ops.audit.shapes.split import block
from ops.audit.shuffle import BALANCES, Parts, Writer

LARGE = 3_000_000_000
AT_MS = 1_767_600_000_000


def test_rows_of_one_key_are_read_from_one_part_and_once(tmp_path: Path) -> None:
    parts = Parts(str(tmp_path), 4)
    with Writer(parts, "one") as one, Writer(parts, "two") as two:
        one.add("a", Kept("a", 1))
        two.add("a", Kept("a", 2))
    assert [row for chunk in parts.read(BALANCES, parts.of("a")) for row in chunk] == [Kept("a", 1), Kept("a", 2)]
    assert not list(parts.read(BALANCES, parts.of("a")))


def test_an_amount_of_more_than_32_bits_is_a_number_as_any_other(tmp_path: Path) -> None:
    """MongoDB's driver reads it as a type of its own; the audit once ended with a traceback on it."""
    parts = Parts(str(tmp_path), 1)
    with Writer(parts, "kept") as writer:
        writer.add("a", Kept("a", Int64(LARGE)))
    [[row]] = parts.read(BALANCES, 0)
    assert (row, type(row.amount_minor)) == (Kept("a", LARGE), int)


def test_the_hash_of_a_block_is_the_same_for_such_an_amount() -> None:
    def of(amount: int) -> bytes:
        booked = dict.fromkeys(("order", "cause", "kind"), "x") | {"entries": {"a": amount, "b": -amount}}
        names = dict.fromkeys(("_id", "marketplace", "currency", "stripe"), "x")
        return block(names | {"transactions": [booked], "accounts": ["a"], "at": AT_MS, "hash": b""}).content

    assert of(Int64(LARGE)) == of(LARGE)


def test_what_no_row_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="a row cannot hold"), Writer(Parts(str(tmp_path), 1), "x") as writer:
        writer.add("a", Kept("a", object()))  # type: ignore[arg-type]
