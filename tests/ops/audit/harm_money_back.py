"""Harm done to a refund: at payments, at the institution, in split; each with the laws that must name it.

Of the settled order 10.00 were refunded: 9.00 came back from the shop, the platform gave its commission of 1.00.
"""

from typing import Any, Final

from tests.ops.audit.live import Live, Plant
from tests.ops.audit.world import MP, SETTLED_AT

PARTS: Final[tuple[tuple[str, str, str, int, str | None, str], ...]] = (
    ("return", f"{MP}/o:a/r-1/1", "merchant:shop", 900, "N1", "R1"),
    ("subsidy", "r-1/marketing/platform:commission/1", "pool", 100, None, "R2"),
    ("refund", "a-1", "buyer", 1_000, "a-1", "R3"),
)


def refund(live: Live) -> None:
    """Have it refunded as it should be: of the pool nothing is left nor lacking, and every account is as it was."""
    names = [name for _, name, *_ in PARTS]
    back = {"return_id": names[0], "receiver": "merchant:shop", "amount_minor": 900, "state": "succeeded"}
    given = {"funding_id": names[1], "kind": "marketing", "account": "platform:commission", "amount_minor": 100}
    told: dict[str, Any] = {
        "refund_id": "r-1", "kind": "refund", "cause": "c-1", "revision": 1, "lines": [{"amount_minor": 1_000}],
        "returns": [back], "fundings": [given | {"state": "succeeded"}],
        "payments": [{"channel_payment_id": "a-1", "amount_minor": 1_000, "state": "succeeded"}], "reversed": [],
    }  # fmt: skip
    live["split"].orders.update_one({"order_id": "a"}, {"$set": {"refunds": [told]}})
    parts = [
        {
            "kind": kind, "name": name, "receiver": receiver, "amount_minor": amount, "of": of, "leg_id": "",
            "attempt": 1, "state": "succeeded", "channel_number": number, "reason": None, "planned": True,
        }
        for kind, name, receiver, amount, of, number in PARTS
    ]  # fmt: skip
    live["payments"].refunds.insert_one({
        "_id": f"{MP}/r-1", "order": f"{MP}/a", "marketplace": MP, "order_id": "a", "refund_id": "r-1", "plan": 1,
        "currency": "CNY", "channel_account": MP, "waits": None, "ask_at": None, "created_at": SETTLED_AT,
        "parts": parts,
    })  # fmt: skip
    live.bank.transfers += [
        {
            "number": number, "state": "succeeded", "reason": None, "executed_at": SETTLED_AT.isoformat(),
            "kind": kind, "receiver": receiver, "currency": "CNY", "amount_minor": amount, "of": of,
        }
        for kind, _, receiver, amount, of, number in PARTS
    ]  # fmt: skip


def _of_payments(live: Live, **fields: Any) -> None:  # noqa: ANN401 - what a document may have
    refund(live)
    live["payments"].refunds.update_one({}, {"$set": {name.replace("__", "."): it for name, it in fields.items()}})


def give_the_buyer_more_than_was_asked(live: Live) -> None:
    _of_payments(live, parts__2__amount_minor=1_001)


def give_the_buyer_more_than_was_paid(live: Live) -> None:
    refund(live)
    live["payments"].refunds.update_one({}, {"$set": {"parts.2.amount_minor": 10_001}})
    live["split"].orders.update_one({"order_id": "a"}, {"$set": {"refunds.0.payments.0.amount_minor": 10_001}})
    live.bank.transfers[-1]["amount_minor"] = 10_001
    live.bank.pools["CNY"] -= 9_001


def give_it_to_the_buyer_under_another_number(live: Live) -> None:
    refund(live)
    live.bank.transfers.append(live.bank.transfers[-1] | {"number": "R9"})
    live.bank.pools["CNY"] -= 1_000


def forget_that_the_buyer_got_it(live: Live) -> None:
    refund(live)
    live.bank.transfers.pop()
    live.bank.pools["CNY"] += 1_000


def let_payments_take_a_return_for_failed(live: Live) -> None:
    _of_payments(live, parts__0__state="failed")


def leave_what_came_back_unposted(live: Live) -> None:
    """And nothing is on its way to split."""
    refund(live)
    change = {"refunds.0.fundings.0.state": "requested", "refunds.0.returns.0.state": "requested"}
    live["split"].orders.update_one({"order_id": "a"}, {"$set": change})


def lose_a_refund(live: Live) -> None:
    """Split has asked, nothing is on its way, and payments has never heard of it."""
    refund(live)
    live["payments"].refunds.delete_many({})


def let_nobody_send_a_refund(live: Live) -> None:
    _of_payments(live, waits="sending")


def refund_what_nobody_asked_for(live: Live) -> None:
    refund(live)
    live["split"].orders.update_one({"order_id": "a"}, {"$unset": {"refunds": 1}})


def misshape_a_refund(live: Live) -> None:
    refund(live)
    live["payments"].refunds.insert_one({"_id": f"{MP}/r-2", "order": f"{MP}/a", "parts": "none"})


MONEY_BACK: Final[list[tuple[Plant, set[str]]]] = [
    (give_the_buyer_more_than_was_asked, {"refund_as_requested"}),
    (give_the_buyer_more_than_was_paid, {"refund_within_paid", "order_booked", "pool_is_owed"}),
    (give_it_to_the_buyer_under_another_number, {"transfer_known"}),
    (forget_that_the_buyer_got_it, {"refund_as_requested", "pool_is_owed"}),
    (let_payments_take_a_return_for_failed, {"refund_as_requested", "pool_is_owed"}),
    (leave_what_came_back_unposted, {"refund_as_requested", "order_booked", "pool_is_owed"}),
    (lose_a_refund, {"refund_as_requested", "transfer_known"}),
    (let_nobody_send_a_refund, {"order_not_lost"}),
    (refund_what_nobody_asked_for, {"refund_as_requested"}),
    (misshape_a_refund, {"document_shaped"}),
]
"""Each with the laws that must name it."""
