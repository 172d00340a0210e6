"""Harm done to what merchants owe, and to money that belongs to no order; each with the laws that must name it."""

from typing import Final

from tests.ops.audit import world
from tests.ops.audit.live import Live, Plant, rebook

ACCOUNT: Final = f"accounts/{world.MP}"
"""What a transaction is about that is no order's."""

OWED: Final = world.booked(4, ACCOUNT, "CNY", {world.CLEARING: 40, "suspense/demo-x": -25, "merchant:debt/shop": -15})
GUARD: Final = {"_id": f"{world.MP}/shop/CNY", "version": 1, "debt_minor": 15, "taken_minor": 0, "reserve_minor": 0}


def owe(live: Live) -> None:
    """Have a merchant owe something, as its guard says: no law is broken."""
    rebook(live, *world.TRANSACTIONS, OWED)
    live["split"].guards.insert_one(GUARD)


def lose_a_guard(live: Live) -> None:
    owe(live)
    live["split"].guards.delete_one({})


def guard_more_than_is_owed(live: Live) -> None:
    owe(live)
    live["split"].guards.update_one({}, {"$inc": {"debt_minor": 1}})


def guard_more_than_is_reserved(live: Live) -> None:
    owe(live)
    live["split"].guards.update_one({}, {"$inc": {"reserve_minor": 1}})


def guard_another_currency(live: Live) -> None:
    owe(live)
    live["split"].guards.delete_one({})
    live["split"].guards.insert_one(GUARD | {"_id": f"{world.MP}/shop/KWD"})


def book_a_merchants_money_without_an_order(live: Live) -> None:
    rebook(live, *world.TRANSACTIONS, world.booked(4, ACCOUNT, "CNY", {world.CLEARING: -5, "merchant:held/shop": 5}))


def book_another_account_without_an_order(live: Live) -> None:
    moved = {"channel:clearing/other": -5, "deposit/shop": 5}
    rebook(live, *world.TRANSACTIONS, world.booked(4, ACCOUNT, "CNY", moved))


def guard_without_an_amount(live: Live) -> None:
    live["split"].guards.insert_one(GUARD | {"debt_minor": 1.5})


GUARDS: Final[list[tuple[Plant, set[str]]]] = [
    (owe, set()),
    (lose_a_guard, {"guard_agrees"}),
    (guard_more_than_is_owed, {"guard_agrees"}),
    (guard_more_than_is_reserved, {"guard_agrees"}),
    (guard_another_currency, {"guard_agrees"}),
    (book_a_merchants_money_without_an_order, {"movement_booked"}),
    (book_another_account_without_an_order, {"movement_booked"}),
    (guard_without_an_amount, {"document_shaped"}),
]
