"""Rows come back from their files as they went in."""

from pathlib import Path

from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64

from ops.audit.findings import Breach
from ops.audit.rows import Kept
from ops.audit.shapes.ledger import BALANCES as BALANCES_STORED
from ops.audit.shapes.ledger import BLOCKS
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


def test_a_kept_balance_of_more_than_32_bits_is_a_number_as_any_other(tmp_path: Path) -> None:
    """MongoDB's driver reads it as a type of its own; the audit once ended with a traceback on it."""
    found = BALANCES_STORED.take({"_id": "demo-x|CNY|a|s", "amounts": {"a": Int64(LARGE)}})
    assert not isinstance(found, Breach)
    parts = Parts(str(tmp_path), 1)
    with Writer(parts, "kept") as writer:
        for it in found.kept():
            writer.add("a", Kept("a", it.amount_minor))
    [[row]] = parts.read(BALANCES, 0)
    assert (row, type(row.amount_minor)) == (Kept("a", LARGE), int)


def test_the_hash_of_a_block_is_the_same_for_such_an_amount() -> None:
    def of(amount: int) -> bytes:
        booked = dict.fromkeys(("order", "cause", "kind"), "x") | {"entries": {"a": amount, "b": -amount}}
        names = dict.fromkeys(("marketplace", "currency", "stripe"), "x")
        more = {"_id": "01a212b8-1c03-7616-aa08-301323352ba9", "at": DatetimeMS(AT_MS), "hash": b""}
        found = BLOCKS.take(names | more | {"transactions": [booked], "accounts": ["a", "b"]})
        assert not isinstance(found, Breach)
        return found.content()

    assert of(Int64(LARGE)) == of(LARGE)
