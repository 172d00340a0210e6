"""Harm done on the ways between the services: what is lost or left lying, with the laws that must name it."""

from datetime import UTC, datetime, timedelta
from typing import Final

from tests.ops.audit import world
from tests.ops.audit.live import Live, Plant
from tests.ops.audit.world import MP


def leave_an_event_unpublished(live: Live) -> None:
    old = datetime.now(UTC) - timedelta(minutes=10)
    live["split"].outbox.insert_one({"group": "api", "partition": -1, "seq": 1, "at": old, "events": []})


def lose_an_order(live: Live) -> None:
    live.sent = (*live.sent, f"{MP}/c")


def lose_a_request_to_split(live: Live) -> None:
    live["payments"].orders.insert_one(world.claim("c", "CNY", 700))
    live["payments"].claims.insert_one({"_id": f"{MP}/c-1", "order": f"{MP}/c"})
    live["aftersale"].orders.insert_one({"_id": f"{MP}/c"})
    live.bank.payments.append({**live.bank.payments[0], "payment_id": "c-1", "amount_minor": 700, "fee_minor": 0})
    live.bank.pools["CNY"] += 700


def lose_a_request_to_pay(live: Live) -> None:
    live["split"].orders.update_one({"order_id": "b"}, {"$set": {"payouts": 1}})


def lose_a_copy(live: Live) -> None:
    live["aftersale"].orders.delete_one({"_id": f"{MP}/b"})


def drop_a_proof_that_is_to_be_asked(live: Live) -> None:
    live["payments"].orders.insert_one({**world.claim("c", "CNY", 700), "state": "sending"})
    live["aftersale"].orders.insert_one({"_id": f"{MP}/c"})


def drop_a_payout_that_is_to_be_sent(live: Live) -> None:
    live["payments"].payouts.update_one({}, {"$set": {"waits": "sending"}})


def leave_an_instruction_unsent(live: Live) -> None:
    """Let it be due for so long that no sweep, which hands over again whatever is due, can have come by."""
    old = datetime.now(UTC) - timedelta(minutes=10)
    live["payments"].payouts.update_one({}, {"$set": {"waits": "sending"}})
    named = {"operation": "pay", "profile": "sandbox-direct", "account": MP, "since": old, "due_at": old}
    live["payments"].handovers.insert_one({**named, "keys": [f"{MP}/o:a.1"]})


def miss_a_deadline(live: Live) -> None:
    old = datetime.now(UTC) - timedelta(minutes=10)
    live["split"].orders.update_one({"order_id": "b"}, {"$set": {"look_at": old}})


WAYS: Final[list[tuple[Plant, set[str]]]] = [
    (leave_an_event_unpublished, {"outbox_young"}),
    (lose_an_order, {"order_not_lost"}),
    (lose_a_request_to_split, {"order_not_lost"}),
    (lose_a_request_to_pay, {"order_not_lost"}),
    (lose_a_copy, {"order_not_lost"}),
    (drop_a_proof_that_is_to_be_asked, {"order_not_lost"}),
    (drop_a_payout_that_is_to_be_sent, {"order_not_lost"}),
    (leave_an_instruction_unsent, {"moves_on"}),
    (miss_a_deadline, {"moves_on"}),
]
