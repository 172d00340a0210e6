"""Documents that a hand, or a forger, left without their shape: each is named, and every other law is still judged."""

import base64
from typing import Any, Final

import bson
import msgspec
from bson.decimal128 import Decimal128
from bson.raw_bson import RawBSONDocument
from tests.ops.audit import world
from tests.ops.audit.harm_books import AMOUNT, SETTLING
from tests.ops.audit.live import Live, Plant, relink
from tests.ops.audit.world import MP


def _set(service: str, collection: str, field: str, value: object, query: dict[str, Any] | None = None) -> Plant:
    def plant(live: Live) -> None:
        changed = live[service][collection].update_one(query or {}, {"$set": {field: value}})
        assert changed.modified_count == 1

    plant.__name__ = f"{service}_{collection}_{field}_{type(value).__name__}"
    return plant


def _unset(service: str, collection: str, field: str, query: dict[str, Any] | None = None) -> Plant:
    def plant(live: Live) -> None:
        changed = live[service][collection].update_one(query or {}, {"$unset": {field: 1}})
        assert changed.modified_count == 1

    plant.__name__ = f"{service}_{collection}_without_{field}"
    return plant


def forge_a_block_under_an_id_of_its_own(live: Live) -> None:
    block = live["split"].blocks.find_one({"currency": "KWD"}) or {}
    live["split"].blocks.insert_one(block | {"_id": "another", "transactions": []})


def add_to_a_transaction_what_its_hash_does_not_cover(live: Live) -> None:
    live["split"].blocks.update_one(SETTLING, {"$set": {"transactions.1.note": "x"}})


def say_every_amount_twice(live: Live) -> None:
    """Put a false amount before each true one: Python reads the last under a name, MongoDB's `$getField` the first."""

    def twice(entries: dict[str, int]) -> RawBSONDocument:
        names = [(name, amount + sign) for sign in (7, 0) for name, amount in entries.items()]
        elements = b"".join(bson.encode({name: amount})[4:-1] for name, amount in names)
        return RawBSONDocument((len(elements) + 5).to_bytes(4, "little") + elements + b"\0")

    block = live["split"].blocks.find_one_and_delete(SETTLING) or {}
    for it in block["transactions"]:
        it["entries"] = twice(it["entries"])
    live["split"].blocks.insert_one(block)


def list_an_account_that_has_no_entry(live: Live) -> None:
    """With hash, link and head made over the false list: no hash knows of it."""
    (block,) = world.blocks(world.TRANSACTIONS[:2])
    forged = msgspec.structs.replace(block, accounts=(*block.accounts, "platform:reserve"))
    relink(live, block.id, forged.hash())
    changed = {"accounts": list(forged.accounts), "hash": forged.hash()}
    live["split"].blocks.update_one(SETTLING, {"$set": changed})


def list_the_blocks_of_a_link_twice(live: Live) -> None:
    link = live["split"].links.find_one_and_delete({"seq": 2}) or {}
    raw = bson.encode({"blocks": []})[4:-1] + bson.encode(link)[4:-1]
    live["split"].links.insert_one(RawBSONDocument((len(raw) + 5).to_bytes(4, "little") + raw + b"\0"))


def write_a_name_that_is_no_text(live: Live) -> None:
    """As no driver writes it: bytes that are no UTF-8."""
    order = bson.encode(live["aftersale"].orders.find_one_and_delete({"_id": f"{MP}/b"}) or {})
    live["aftersale"].orders.insert_one(RawBSONDocument(order.replace(b"paid", b"\xff\xff\xff\xff")))
    claim = bson.encode(live["payments"].orders.find_one_and_delete({"order_id": "b"}) or {})
    live["payments"].orders.insert_one(RawBSONDocument(claim.replace(b"accepted", b"\xff" * 8)))


def _tell(record: str, field: str, value: object) -> Plant:
    def plant(live: Live) -> None:
        getattr(live.bank, record)[-1][field] = value

    plant.__name__ = f"institution_{record}_{field}"
    return plant


def park_at_no_time(live: Live) -> None:
    live["split"].parks.insert_one({"_id": f"{MP}/b", "reason": "split_unknown", "since": "yesterday", "count": 1})


def hand_over_what_is_no_list(live: Live) -> None:
    live["payments"].handovers.insert_one({"operation": "pay", "keys": 7, "due_at": 7})


def say_a_hash_as_text(live: Live) -> None:
    block = live["split"].blocks.find_one(SETTLING) or {}
    live["split"].blocks.update_one(SETTLING, {"$set": {"hash": base64.b64encode(block["hash"]).decode()}})


SHAPES: Final[list[tuple[Plant, set[str]]]] = [
    (_set("split", "blocks", AMOUNT, 9940.0, SETTLING), {"chain_whole", "transaction_unchanged"}),
    (_set("split", "blocks", AMOUNT, Decimal128("9940"), SETTLING), {"chain_whole", "transaction_unchanged"}),
    (_set("split", "blocks", AMOUNT, "9940", SETTLING), {"chain_whole", "transaction_unchanged"}),
    (_unset("split", "blocks", "hash", SETTLING), {"chain_whole", "transaction_unchanged"}),
    (
        _unset("split", "blocks", "hash", {"currency": "KWD"}),
        {"transaction_unchanged", "chain_whole", "balances_derived", "order_booked", "pool_is_owed"},
    ),
    (say_a_hash_as_text, {"transaction_unchanged", "chain_whole"}),
    (_set("split", "blocks", "at", 7, SETTLING), {"chain_whole", "transaction_unchanged"}),
    (forge_a_block_under_an_id_of_its_own, {"chain_whole", "transaction_unchanged"}),
    (add_to_a_transaction_what_its_hash_does_not_cover, {"chain_whole", "transaction_unchanged"}),
    (say_every_amount_twice, {"chain_whole", "transaction_unchanged"}),
    (list_an_account_that_has_no_entry, {"transaction_unchanged"}),
    (list_the_blocks_of_a_link_twice, {"chain_whole"}),
    (_set("split", "links", "seq", -1, {"seq": 2}), {"chain_whole"}),
    (_set("split", "links", "blocks.0.hash", "x", {"seq": 2}), {"chain_whole"}),
    (_unset("split", "links", "previous", {"seq": 2}), {"chain_whole"}),
    (_unset("split", "heads", "hash"), {"balances_derived", "chain_whole"}),
    (
        _set("split", "balances", "amounts.merchant:held/new", 5000.0, {"amounts.merchant:held/new": 5_000}),
        {"balances_derived"},
    ),
    (
        _set("split", "orders", "shares.0.amount_minor", 5000.0, {"order_id": "b"}),
        {"document_shaped", "order_booked", "order_not_lost"},
    ),
    (
        _set("split", "orders", "shares.0.lines", "l1", {"order_id": "b"}),
        {"document_shaped", "order_booked", "order_not_lost"},
    ),
    (
        _set("split", "orders", "look_at", "tomorrow", {"order_id": "b"}),
        {"document_shaped", "order_booked", "order_not_lost"},
    ),
    (_set("split", "orders", "body", b"{", {"order_id": "b"}), {"document_shaped", "order_booked", "order_not_lost"}),
    (
        _set("split", "orders", "state", "other", {"order_id": "b"}),
        {"document_shaped", "order_booked", "order_not_lost"},
    ),
    (_unset("split", "orders", "subsidies", {"order_id": "b"}), {"document_shaped", "order_booked", "order_not_lost"}),
    (
        _set("payments", "orders", "paid_minor", 5000.0, {"order_id": "b"}),
        {"document_shaped", "order_not_lost", "paid_as_proved"},
    ),
    (
        _set("payments", "orders", "channel_account", 7, {"order_id": "b"}),
        {"document_shaped", "order_not_lost", "paid_as_proved"},
    ),
    (
        _set("payments", "payouts", "legs.0.amount_minor", 9240.0),
        {"document_shaped", "leg_as_requested", "leg_stated", "order_not_lost", "pool_is_owed", "transfer_known"},
    ),
    (
        _unset("payments", "payouts", "legs"),
        {"document_shaped", "leg_as_requested", "leg_stated", "order_not_lost", "pool_is_owed", "transfer_known"},
    ),
    (
        _set("payments", "claims", "order", 7, {"_id": f"{MP}/b-1"}),
        {"document_shaped", "paid_as_proved", "pool_is_owed"},
    ),
    (_set("merchant", "statements", "entries.0.amount_minor", 9240.0), {"document_shaped", "leg_stated"}),
    (write_a_name_that_is_no_text, {"paid_as_proved"}),
    (park_at_no_time, {"document_shaped"}),
    (hand_over_what_is_no_list, {"document_shaped"}),
    (_tell("payments", "amount_minor", 5000.0), {"document_shaped", "paid_as_proved", "pool_is_owed"}),
    (_tell("transfers", "amount_minor", "1200"), {"document_shaped", "leg_as_requested", "pool_is_owed"}),
]
