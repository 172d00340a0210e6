"""Harm done to legs: at payments, at the institution, on statements; each with the laws that must name it."""

from typing import Final

from tests.ops.audit import world
from tests.ops.audit.live import Live, Plant, rebook
from tests.ops.audit.world import MP


def pay_a_leg_in_two_payouts(live: Live) -> None:
    payout = live["payments"].payouts.find_one({"payout_id": "o:a.1"}) or {}
    again = {**payout["legs"][0], "state": "sending", "channel_number": "N9"}
    twin = payout | {"_id": f"{MP}/o:a.2", "payout_id": "o:a.2", "state": "sending", "legs": [again], "subsidies": []}
    live["payments"].payouts.insert_one(twin)


def pay_a_leg_under_two_numbers(live: Live) -> None:
    pay_a_leg_in_two_payouts(live)
    live.bank.transfers.append({**live.bank.transfers[1], "number": "N9"})


def instruct_another_amount(live: Live) -> None:
    live["payments"].payouts.update_one({}, {"$inc": {"legs.0.amount_minor": -1}})
    live["merchant"].statements.update_one({}, {"$inc": {"entries.0.amount_minor": -1}})
    live.bank.transfers[1]["amount_minor"] -= 1
    live.bank.pools["CNY"] += 1


def pay_another_receiver(live: Live) -> None:
    live.bank.transfers[1]["receiver"] = "merchant:thief"


def forget_a_transfer(live: Live) -> None:
    live.bank.transfers.pop(1)
    live.bank.pools["CNY"] += 9_240


def leave_a_paid_leg_unposted(live: Live) -> None:
    """Split has posted all of the payout but the leg of the shop, and no event is on its way."""
    live["split"].orders.update_one({"order_id": "a"}, {"$set": {"shares.0.state": "in_transit"}})
    entries = {world.CLEARING: 700, "platform:commission": -1_200, "platform:marketing": 500}
    first, _, last = world.TRANSACTIONS
    rebook(live, first, world.booked(2, "a", "CNY", entries), last)


def state_a_leg_twice(live: Live) -> None:
    _state_again(live, f"{MP}/o:a.1/1")


def hide_a_statement_under_another_id(live: Live) -> None:
    _state_again(live, f"{MP}/o:b.1/0")


def _state_again(live: Live, identity: str) -> None:
    statement = live["merchant"].statements.find_one({}) or {}
    again = statement["entries"][0] | {"attempt": 2}
    live["merchant"].statements.insert_one(statement | {"_id": identity, "entries": [again]})


def hide_a_payout_under_another_id(live: Live) -> None:
    payout = live["payments"].payouts.find_one({}) or {}
    legs = [{**payout["legs"][0], "state": "failed", "channel_number": "N9"}]
    live["payments"].payouts.insert_one(payout | {"_id": f"{MP}/o:b.1", "legs": legs, "subsidies": []})


def state_nothing(live: Live) -> None:
    live["merchant"].statements.update_one({}, {"$pop": {"entries": -1}})


def state_another_amount(live: Live) -> None:
    live["merchant"].statements.update_one({}, {"$inc": {"entries.0.amount_minor": 1}})


def move_money_uninstructed(live: Live) -> None:
    live.bank.transfers.append({**live.bank.transfers[1], "number": "N7", "amount_minor": 50, "currency": "KWD"})
    live.bank.pools["KWD"] -= 50


def take_from_the_pool(live: Live) -> None:
    live.bank.pools["KWD"] -= 50


def take_a_payment_of_another_order(live: Live) -> None:
    live["payments"].claims.update_one({"_id": f"{MP}/a-1"}, {"$set": {"order": f"{MP}/b"}})


def pay_less_than_was_proved(live: Live) -> None:
    live.bank.payments[1]["amount_minor"] = 4_999
    live.bank.pools["KWD"] -= 1


def release_a_line_twice(live: Live) -> None:
    """Split the held share into a part that was let go and one that is still held, with one line in both."""
    (whole,) = (live["split"].orders.find_one({"order_id": "b"}) or {})["shares"]
    halves = [whole | {"amount_minor": 2_500, "lines": lines} for lines in (["l1", "l2"], ["l2", "l3"])]
    live["split"].orders.update_one({"order_id": "b"}, {"$set": {"shares": halves}})


def pay_a_collector_like_everybody(live: Live) -> None:
    """Make an order that its seller collects of one that a pool pays to all at once."""
    live["split"].orders.update_one({"order_id": "a"}, {"$set": {"channel_profile": "wechat-profit-sharing"}})


def finish_for_somebody_else(live: Live) -> None:
    pay_a_collector_like_everybody(live)
    live["payments"].payouts.update_one({"payout_id": "o:a.1"}, {"$set": {"kind": "finish"}})


def forget_the_end_of_a_freeze(live: Live) -> None:
    told = {"movement_id": "u1", "kind": "auto_unfreeze", "amount_minor": 5_000, "cause": "e1"}
    collected = {"channel_profile": "wechat-profit-sharing", "facts": {"moved": [told]}}
    live["split"].orders.update_one({"order_id": "b"}, {"$set": collected})


LEGS: Final[list[tuple[Plant, set[str]]]] = [
    (pay_a_leg_in_two_payouts, {"leg_paid_once"}),
    (pay_a_leg_under_two_numbers, {"leg_paid_once", "pool_is_owed"}),
    (instruct_another_amount, {"leg_as_requested", "pool_is_owed"}),
    (pay_another_receiver, {"leg_as_requested"}),
    (forget_a_transfer, {"leg_as_requested", "pool_is_owed"}),
    (leave_a_paid_leg_unposted, {"leg_as_requested"}),
    (release_a_line_twice, {"line_released_once"}),
    (pay_a_collector_like_everybody, {"finish_last"}),
    (finish_for_somebody_else, {"finish_last"}),
    (forget_the_end_of_a_freeze, {"freeze_end_booked"}),
    (state_a_leg_twice, {"leg_stated"}),
    (hide_a_statement_under_another_id, {"document_named"}),
    (hide_a_payout_under_another_id, {"document_named"}),
    (state_nothing, {"leg_stated"}),
    (state_another_amount, {"leg_stated"}),
    (move_money_uninstructed, {"transfer_known"}),
    (take_from_the_pool, {"pool_is_owed"}),
    (take_a_payment_of_another_order, {"paid_as_proved", "pool_is_owed"}),
    (pay_less_than_was_proved, {"paid_as_proved", "pool_is_owed"}),
]
