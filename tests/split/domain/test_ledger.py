"""Double entry and the hash chain."""

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split.domain.ledger import GENESIS, Block, Entries, Transaction, accounts_of, imbalance, link_hash


def transaction(**fields: object) -> Transaction:
    plain = Transaction(order="test-a/1", cause="e1", kind="split", entries={"a": 5, "b": -5})
    return msgspec.structs.replace(plain, **fields)


def block(*transactions: Transaction, **fields: object) -> Block:
    plain = Block(
        id="b1",
        marketplace="test-a",
        currency="BRL",
        stripe="s#0",
        at_ms=1,
        accounts=("a", "b"),
        transactions=transactions or (transaction(),),
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
    assert entries.closed() == {"a": -3, "b": 3}


@pytest.mark.parametrize(
    "changed",
    [
        block(id="b2"),
        block(marketplace="test-b"),
        block(currency="JPY"),
        block(stripe="s#1"),
        block(at_ms=2),
        block(accounts=("a",)),
        block(transactions=()),
        block(transaction(), transaction()),
        block(transaction(order="test-a/2")),
        block(transaction(cause="e2")),
        block(transaction(kind="settle")),
        block(transaction(entries={"a": 6, "b": -6})),
        block(transaction(entries={"a": 5, "c": -5})),
        block(transaction(entries={"b": -5, "a": 5})),
    ],
    ids=repr,
)
def test_any_change_of_a_block_changes_its_hash(changed: Block) -> None:
    assert changed.hash() != block().hash()


def test_every_field_of_a_block_and_of_a_transaction_is_in_one_of_these_changes() -> None:
    assert block().__struct_fields__ == ("id", "marketplace", "currency", "stripe", "at_ms", "accounts", "transactions")
    assert transaction().__struct_fields__ == ("order", "cause", "kind", "entries")


def test_the_hash_of_a_block_depends_on_the_order_of_its_transactions() -> None:
    one, two = transaction(), transaction(cause="e2")
    assert block(one, two).hash() != block(two, one).hash()


def test_anybody_can_compute_the_hash_of_a_block_from_what_is_stored() -> None:
    stored = b'["b1","test-a","BRL","s#0",1,["a","b"],[["test-a/1","e1","split",{"a":5,"b":-5}]]]'
    assert block().hash() == hashlib.sha256(stored).digest()


def test_the_accounts_of_a_block_are_those_of_all_its_entries_once_and_sorted() -> None:
    assert accounts_of([transaction(), transaction(entries={"c": 1, "a": -1})]) == ("a", "b", "c")


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
