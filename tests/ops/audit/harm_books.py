"""Harm done to the ledger and to the orders in it, each with the laws that must name it."""

from typing import Final

import msgspec
from tests.ops.audit import world
from tests.ops.audit.live import Live, Plant, rebook

from split.domain.ledger import link_hash

SETTLING: Final = {"transactions.kind": "settle"}
"""The block of the settled order: its split, then its settle."""

AMOUNT: Final = f"transactions.1.entries.{world.CLEARING}"


def unbalance(live: Live) -> None:
    live["split"].blocks.update_one(SETTLING, {"$inc": {AMOUNT: 7}})


def edit(live: Live) -> None:
    live["split"].blocks.update_one(SETTLING, {"$set": {"transactions.1.cause": "another"}})


def move_in_time(live: Live) -> None:
    live["split"].blocks.update_one(SETTLING, {"$set": {"at": world.SETTLED_AT}})


def hide_an_account(live: Live) -> None:
    """Its entries are there; but who reads that account will not find them."""
    live["split"].blocks.update_one(SETTLING, {"$pull": {"accounts": "platform:commission"}})


def forge_a_block(live: Live) -> None:
    """Change what it holds, and its hash with it: only the link still knows."""
    (block,) = world.blocks(world.TRANSACTIONS[:2])
    split, settle = block.transactions
    forged = msgspec.structs.replace(block, transactions=(split, msgspec.structs.replace(settle, cause="another")))
    changed = {"transactions.1.cause": "another", "hash": forged.hash()}
    live["split"].blocks.update_one({"_id": block.id}, {"$set": changed})


def cut_the_chain(live: Live) -> None:
    live["split"].links.delete_one({"seq": 1})


def cut_the_end_of_the_chain(live: Live) -> None:
    live["split"].links.delete_one({"seq": 2})


def take_a_transaction_out(live: Live) -> None:
    live["split"].blocks.update_one(SETTLING, {"$pop": {"transactions": 1}})


def book_a_transaction_twice(live: Live) -> None:
    block = live["split"].blocks.find_one(SETTLING) or {}
    live["split"].blocks.update_one(SETTLING, {"$push": {"transactions": block["transactions"][1]}})


def take_a_block_out(live: Live) -> None:
    live["split"].blocks.delete_one({"currency": "KWD"})


def book_a_block_twice(live: Live) -> None:
    block = live["split"].blocks.find_one({"currency": "KWD"}) or {}
    live["split"].blocks.insert_one(block | {"_id": f"{block['_id'][:-1]}f"})


def forge_a_link(live: Live) -> None:
    live["split"].links.update_one({"seq": 1}, {"$pop": {"blocks": 1}})


def forge_the_last_link(live: Live) -> None:
    """Change what it lists, and its hash with it: only the head still knows."""
    link = live["split"].links.find_one({"seq": 2}) or {}
    listed = [(it["id"], it["hash"]) for it in link["blocks"]] * 2
    content = link_hash(link["previous"], 2, listed)
    twice = [{"id": identity, "hash": known} for identity, known in listed]
    live["split"].links.update_one({"seq": 2}, {"$set": {"blocks": twice, "hash": content}})


def stand_a_link_beyond_the_head(live: Live) -> None:
    head = live["split"].heads.find_one({}) or {}
    content = link_hash(head["hash"], 3, [])
    link = {"_id": f"{world.STRIPE}/3", "stripe": world.STRIPE, "seq": 3, "previous": head["hash"], "hash": content}
    live["split"].links.insert_one(link | {"blocks": []})


def lose_the_links(live: Live) -> None:
    live["split"].links.delete_many({})


COMMISSION = "amounts.platform:commission"


def raise_a_balance(live: Live) -> None:
    live["split"].balances.update_one({COMMISSION: {"$exists": True}}, {"$inc": {COMMISSION: 1}})


def lose_a_balance(live: Live) -> None:
    live["split"].balances.delete_one({"amounts.merchant:held/new": {"$exists": True}})


def raise_a_share(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "b"}, {"$inc": {"shares.0.amount_minor": 1}})


def move_a_share(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "b"}, {"$set": {"shares.0.state": "available"}})


def book_more_than_paid(live: Live) -> None:
    live["payments"].orders.update_one({"order_id": "b"}, {"$set": {"paid_minor": 4_000}})


def book_what_was_not_accepted(live: Live) -> None:
    live["payments"].orders.update_one({"order_id": "b"}, {"$set": {"state": "unverified"}})


def misexplain_a_leg(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "a"}, {"$inc": {"shares.0.breakdown.fee_minor": 1}})


def keep_sellers_money_as_commission(live: Live) -> None:
    """All books, the institution and the statements agree, and the breakdowns add up; but 100 were the seller's."""
    shares = [
        world.share("merchant:shop", 9_140, "paid", gross_minor=10_500, adjustments_minor=-100, commission_minor=1_260),
        world.share("platform:commission", 1_300, "paid", gross_minor=1_360, fee_minor=60),
    ]
    live["split"].orders.update_one({"order_id": "a"}, {"$set": {"shares": shares}})
    first, second, third = world.TRANSACTIONS
    moved = {"merchant:in_transit/shop": -100, "platform:commission": 100}
    changed = []
    for it, sign in ((first, 1), (second, -1)):
        entries = {name: amount + sign * moved.get(name, 0) for name, amount in it.transaction.entries.items()}
        changed.append(it._replace(transaction=msgspec.structs.replace(it.transaction, entries=entries)))
    rebook(live, *changed, third)
    for place, amount in ((0, -100), (1, 100)):
        live["payments"].payouts.update_one({}, {"$inc": {f"legs.{place}.amount_minor": amount}})
        live.bank.transfers[place + 1]["amount_minor"] += amount
        live["merchant"].statements.update_one({}, {"$inc": {f"entries.{place}.amount_minor": amount}})


def keep_sellers_money_in_reserve(live: Live) -> None:
    rebook(live, *world.TRANSACTIONS, world.booked(4, "b", "KWD", {"merchant:held/new": -9, "platform:reserve": 9}))


def keep_sellers_money_in_an_account_of_no_name(live: Live) -> None:
    rebook(live, *world.TRANSACTIONS, world.booked(4, "b", "KWD", {"merchant:held/new": -9, "platform:misc": 9}))


def recover_more_than_was_owed(live: Live) -> None:
    rebook(live, *world.TRANSACTIONS, world.booked(4, "b", "KWD", {"merchant:held/new": -9, "merchant:debt/new": 9}))


def send_a_sellers_share_to_the_platform(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "b"}, {"$set": {"shares.0.receiver": "platform:commission"}})


def refund_more_than_was_paid(live: Live) -> None:
    entries = {"merchant:held/new": -5_001, "buyer:refund_in_transit": 5_001}
    rebook(live, *world.TRANSACTIONS, world.booked(4, "b", "KWD", entries))


def refund_the_same_twice(live: Live) -> None:
    """Each is less than what was paid, and one has gone out already."""
    held = {"merchant:held/new": -3_000, "buyer:refund_in_transit": 3_000}
    gone = {"buyer:refund_in_transit": -3_000, world.CLEARING: 3_000}
    made = [world.booked(4 + number, "b", "KWD", it) for number, it in enumerate((held, gone, held))]
    rebook(live, *world.TRANSACTIONS, *made)


BOOKS: Final[list[tuple[Plant, set[str]]]] = [
    (
        unbalance,
        {
            "entries_sum_to_zero",
            "transaction_unchanged",
            "chain_whole",
            "balances_derived",
            "order_booked",
            "pool_is_owed",
        },
    ),
    (edit, {"transaction_unchanged", "chain_whole"}),
    (move_in_time, {"transaction_unchanged", "chain_whole"}),
    (hide_an_account, {"transaction_unchanged", "chain_whole"}),
    (forge_a_block, {"chain_whole"}),
    (cut_the_chain, {"chain_whole"}),
    (cut_the_end_of_the_chain, {"chain_whole"}),
    (
        take_a_transaction_out,
        {"transaction_unchanged", "chain_whole", "balances_derived", "order_booked", "pool_is_owed"},
    ),
    (
        book_a_transaction_twice,
        {
            "transaction_unchanged",
            "chain_whole",
            "balances_derived",
            "order_booked",
            "sellers_money_apart",
            "pool_is_owed",
        },
    ),
    (take_a_block_out, {"chain_whole", "balances_derived", "order_booked", "pool_is_owed"}),
    (book_a_block_twice, {"transaction_unchanged", "chain_whole", "balances_derived", "order_booked", "pool_is_owed"}),
    (forge_a_link, {"chain_whole"}),
    (forge_the_last_link, {"chain_whole"}),
    (stand_a_link_beyond_the_head, {"chain_whole"}),
    (lose_the_links, {"chain_whole"}),
    (raise_a_balance, {"balances_derived"}),
    (lose_a_balance, {"balances_derived"}),
    (raise_a_share, {"order_sums", "order_booked"}),
    (move_a_share, {"order_booked"}),
    (book_more_than_paid, {"paid_as_proved"}),
    (book_what_was_not_accepted, {"paid_as_proved"}),
    (misexplain_a_leg, {"breakdown_adds_up"}),
    (keep_sellers_money_as_commission, {"sellers_money_apart"}),
    (keep_sellers_money_in_reserve, {"sellers_money_apart", "order_booked"}),
    (keep_sellers_money_in_an_account_of_no_name, {"sellers_money_apart", "order_booked"}),
    (recover_more_than_was_owed, {"sellers_money_apart", "order_booked", "guard_agrees"}),
    (send_a_sellers_share_to_the_platform, {"sellers_money_apart", "order_booked"}),
    (refund_more_than_was_paid, {"refund_within_paid", "order_booked"}),
    (refund_the_same_twice, {"refund_within_paid", "order_booked", "pool_is_owed"}),
]
