"""Double entry and the hash chain."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split.domain.ledger import GENESIS, Entries, Entry, Transaction, imbalance, link_hash


def transaction(**fields: object) -> Transaction:
    plain = Transaction(
        id="t1",
        marketplace="test-a",
        currency="BRL",
        order="test-a/1",
        cause="e1",
        kind="split",
        entries=(Entry("a", 5), Entry("b", -5)),
        at_ms=1,
    )
    return msgspec.structs.replace(plain, **fields)


def test_entries_that_do_not_sum_to_zero_are_never_booked() -> None:
    entries = Entries()
    entries.add("a", 5)
    with pytest.raises(ValueError, match="sum to 5"):
        entries.closed()


def test_an_account_has_one_entry_and_none_of_zero() -> None:
    entries = Entries()
    entries.move("a", "b", 5)
    entries.move("b", "a", 2)
    entries.move("c", "a", 0)
    assert entries.closed() == (Entry("a", -3), Entry("b", 3))


@pytest.mark.parametrize(
    "change",
    [
        {"id": "t2"},
        {"marketplace": "test-b"},
        {"currency": "JPY"},
        {"order": "test-a/2"},
        {"cause": "e2"},
        {"kind": "settle"},
        {"entries": (Entry("a", 6), Entry("b", -6))},
        {"entries": (Entry("b", -5), Entry("a", 5))},
        {"at_ms": 2},
    ],
)
def test_any_change_of_a_transaction_changes_its_hash(change: dict[str, object]) -> None:
    assert transaction(**change).hash() != transaction().hash()


def test_anybody_can_compute_the_hash_of_a_transaction_from_what_is_stored() -> None:
    stored = b'["t1","test-a","BRL","test-a/1","e1","split",[["a",5],["b",-5]],1]'
    assert transaction().hash() == hashlib.sha256(stored).digest()


def test_a_link_depends_on_the_link_before_its_place_and_all_it_lists() -> None:
    one, two = ("t1", bytes(32)), ("t2", bytes([1] * 32))
    link = link_hash(GENESIS, 1, [one, two])
    others = [
        link_hash(link, 1, [one, two]),
        link_hash(GENESIS, 2, [one, two]),
        link_hash(GENESIS, 1, [two, one]),
        link_hash(GENESIS, 1, [one]),
        link_hash(GENESIS, 1, [("t3", one[1]), two]),
    ]
    assert len({link, *others}) == 6


@given(st.lists(st.tuples(st.sampled_from(("BRL", "JPY")), st.integers(-(10**13), 10**13))))
def test_an_imbalance_of_one_currency_is_not_hidden_by_another(amounts: list[tuple[str, int]]) -> None:
    balanced: dict[tuple[str, str], dict[str, int]] = {("test-a", "BRL"): {}, ("test-a", "JPY"): {}}
    for number, (currency, amount) in enumerate(amounts):
        balanced["test-a", currency] |= {f"given/{number}": amount, f"taken/{number}": -amount}
    assert imbalance(balanced) == 0
    balanced["test-a", "BRL"]["x"], balanced["test-a", "JPY"]["x"] = 7, -7
    assert imbalance(balanced) == 14
