"""The way of one order's money, from live stores and the institution's record."""

from datetime import timedelta

import pytest
from tests.ops.audit import world
from tests.ops.audit.world import MP, Bank

from ops.institution import Institution
from ops.stores import Stores
from ops.trace import Step, Trace, find, trace

REFUND = {
    "refund_id": "r1",
    "kind": "refund",
    "state": "waiting_funds",
    "reason": "NOT_ENOUGH",
    "revision": 1,
    "given": {"merchant:returning/m1": 360, "platform:commission": 40},
    "returns": [],
    "fundings": [],
    "payments": [{"channel_payment_id": "p1", "amount_minor": 400, "state": "requested"}],
}


async def traced(stores: Stores, key: str) -> Trace | None:
    async with Institution("http://bank", Bank().transport()) as institution:
        return await trace(stores, institution, key)


async def test_a_settled_order_is_shown_from_payment_to_statement(filled: Stores) -> None:
    found = await traced(filled, f"{MP}/a")
    assert found is not None
    assert found.place.name == "settled"
    whats = [(step.part, step.what) for step in found.steps]
    assert whats[0] == ("institution", "payment")
    for expected, count in {
        ("payments", "received"): 1,
        ("payments", "accepted"): 1,
        ("split", "share"): 2,
        ("split", "booked split"): 1,
        ("split", "booked settle"): 1,
        ("payments", "payout o:a.1"): 3,
        ("institution", "transfer"): 3,
        ("merchant", "statement, paid"): 2,
    }.items():
        assert whats.count(expected) == count, expected
    times = [step.at for step in found.steps if step.at]
    assert times == sorted(times)


async def test_a_held_order_says_what_it_waits_for(filled: Stores) -> None:
    found = await traced(filled, f"{MP}/b")
    assert found is not None
    assert (found.place.name, found.place.detail) == ("held", "merchant_unknown")
    shares = [step for step in found.steps if step.what == "share"]
    assert [step.facts["reason"] for step in shares] == ["merchant_unknown"]


async def test_what_happened_to_goods_and_what_froze_them_is_told_with_the_next_look(filled: Stores) -> None:
    due = world.PAID_AT + timedelta(days=7)
    facts = {
        "progress": [{"kind": "shipped", "progress_id": "p1", "line_ids": ["l1"], "occurred_at": world.PAID_AT}],
        "freezes": [
            {"owner": "case:7", "revision": 1, "open": True, "reason": "broken", "line_ids": [], "expires_at": due},
            {
                "owner": "operator:f",
                "revision": 2,
                "open": False,
                "reason": "found",
                "line_ids": [],
                "expires_at": None,
            },
        ],
        "released": [{"approval_id": "a1", "line_ids": ["l2"], "at": world.SETTLED_AT}],
    }
    changed = {"facts": facts, "look_at": due, "shares.0.lines": ["l1", "l2"], "shares.0.reason": "frozen:case:7"}
    await filled.split.orders.update_one({"order_id": "b"}, {"$set": changed})
    found = await traced(filled, f"{MP}/b")
    assert found is not None
    assert (found.place.name, found.place.detail) == ("held", "frozen:case:7")
    told = {step.what: step.text for step in found.steps}
    assert told["shipped"] == "shipped p1: lines l1"
    assert told["release by hand"] == "lines l2 let go by hand, approval a1"
    assert "for l1, l2, held, frozen:case:7" in told["share"]
    freezes = [step.text for step in found.steps if step.what == "freeze"]
    assert freezes == [
        "case:7 freezes all lines until 2026-03-08 08:00 UTC: broken",
        "operator:f lets go: found",
    ]
    assert (found.steps[-1].what, found.steps[-1].at) == ("deadline", due)


async def test_of_an_order_that_its_seller_collects_the_finish_and_the_end_of_its_freeze_are_told(
    filled: Stores,
) -> None:
    ends = world.PAID_AT + timedelta(days=30)
    end = {"movement_id": "u1", "kind": "auto_unfreeze", "currency": "CNY", "amount_minor": 500, "moved_at": ends}
    freeze = {
        "acted": True,
        "unfrozen": [{"movement_id": "u1", "merchant": "shop", "amount_minor": 500, "owed_minor": 100}],
    }
    changed = {"channel_profile": "wechat-profit-sharing", "paid_at": world.PAID_AT, "facts": {"moved": [end]}}
    await filled.split.orders.update_one({"order_id": "a"}, {"$set": changed | {"freeze": freeze}})
    await filled.payments.payouts.update_one({"payout_id": "o:a.1"}, {"$set": {"kind": "finish"}})
    found = await traced(filled, f"{MP}/a")
    assert found is not None
    told = {step.what: (step.at, step.text) for step in found.steps}
    assert told["auto_unfreeze"] == (ends, "auto_unfreeze u1: 5.00 CNY")
    assert told["freeze ends"][0] == ends
    assert told["freeze ends"][1].endswith("three days before: acted upon")
    assert told["unfrozen"][1] == "u1 gave 5.00 CNY to shop, who owes 1.00 CNY of it to others"
    assert "finish o:a.1" in told


async def test_money_that_goes_back_is_told_with_its_state_and_what_it_is_taken_from(filled: Stores) -> None:
    facts = {
        "approved": [
            {
                "refund_id": "r1",
                "currency": "CNY",
                "lines": [{"line_id": "l1", "amount_minor": 300, "freight_minor": 100}],
                "approved_at": world.SETTLED_AT,
            }
        ],
        "moved": [
            {
                "movement_id": "cb-1",
                "kind": "chargeback",
                "currency": "CNY",
                "amount_minor": 500,
                "moved_at": world.SETTLED_AT,
            }
        ],
    }
    await filled.split.orders.update_one({"order_id": "a"}, {"$set": {"facts": facts, "refunds": [REFUND]}})
    found = await traced(filled, f"{MP}/a")
    assert found is not None
    told = {(step.part, step.what): step.text for step in found.steps}
    assert told["aftersale", "refund approved"] == "r1 approved: 4.00 CNY of l1"
    assert told["institution", "chargeback"] == "chargeback cb-1: 5.00 CNY"
    [refunded] = [step for step in found.steps if (step.part, step.what) == ("split", "refund")]
    taken = "merchant:returning/m1 3.60 CNY, platform:commission 0.40 CNY"
    assert refunded.text == f"r1: waiting_funds, NOT_ENOUGH from {taken}"
    assert refunded.facts["parts"] == REFUND["payments"]


async def test_a_refunds_way_through_payments_and_the_institution_is_told_part_by_part(filled: Stores) -> None:
    part: dict[str, object] = {
        "kind": "return",
        "name": "r-1/merchant:shop/1",
        "receiver": "merchant:shop",
        "amount_minor": 900,
    }
    part |= {"state": "failed", "reason": "NOT_ENOUGH", "channel_number": "R1"}
    nothing = part | {"kind": "refund", "amount_minor": 0, "channel_number": "R2", "state": "succeeded", "reason": None}
    refund: dict[str, object] = {
        "_id": f"{MP}/r-1",
        "order": f"{MP}/a",
        "refund_id": "r-1",
        "currency": "CNY",
        "channel_account": MP,
    }
    refund |= {"created_at": world.SETTLED_AT, "settled_at": None, "parts": [part, nothing]}
    await filled.payments.refunds.insert_one(refund)
    bank = Bank()
    bank.transfers.append(bank.transfers[1] | {"number": "R1", "kind": "return", "state": "failed"})
    async with Institution("http://institution", bank.transport()) as institution:
        found = await trace(filled, institution, f"{MP}/a")
    assert found is not None
    told = [(it.part, it.text) for it in found.steps if it.what == "refund r-1" or it.text.startswith("R1")]
    assert told == [
        ("payments", "return r-1/merchant:shop/1: 9.00 CNY under R1, failed, NOT_ENOUGH"),
        ("payments", "refund r-1/merchant:shop/1: 0.00 CNY under R2, succeeded"),
        ("institution", "R1: failed"),
    ]


async def test_an_order_that_nobody_knows_has_no_way(filled: Stores) -> None:
    assert await traced(filled, f"{MP}/z") is None


async def test_an_order_is_found_by_its_bare_id_in_every_marketplace_that_has_it(filled: Stores) -> None:
    other = await filled.payments.orders.find_one({"_id": f"{MP}/a"}) or {}
    await filled.payments.orders.insert_one(other | {"_id": "olist/a", "marketplace": "olist"})
    assert await find(filled, "a", None) == [f"{MP}/a", "olist/a"]
    assert await find(filled, "a", "olist") == ["olist/a"]
    assert await find(filled, "olist/a", None) == ["olist/a"]
    assert await find(filled, "z", None) == []


async def rebooked(stores: Stores, *transactions: world.Booked) -> list[Step]:
    """Put these transactions in the place of the ledger's; return the steps booked of order a."""
    await stores.split.blocks.delete_many({})
    await stores.split.blocks.insert_many(world.ledger(transactions)["blocks"])
    found = await traced(stores, f"{MP}/a")
    assert found is not None
    return [step for step in found.steps if step.what.startswith("booked")]


async def test_of_a_block_of_several_orders_the_one_is_shown(filled: Stores) -> None:
    first, last, _ = world.TRANSACTIONS
    other = world.booked(3, "b", "CNY", {world.CLEARING: -5_000, "merchant:held/new": 5_000})
    steps = await rebooked(filled, other._replace(number=0), first, other, last)
    assert [step.facts["entries"] for step in steps] == [it.transaction.entries for it in (first, last)]
    assert [step.facts["cause"] for step in steps] == [it.transaction.cause for it in (first, last)]


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, 2),
        ({"revisions": {"1": 2}}, 3),
        ({"payouts": 2}, 3),
        ({"shares.0.state": "available"}, 3),
        ({"shares.0.state": "written_off"}, 2),
        ({"refunds": [REFUND]}, 3),
    ],
)
async def test_the_ledger_is_read_no_further_than_the_last_outcome_of_a_paid_order(
    filled: Stores, change: dict[str, object], shown: int
) -> None:
    """What stands after it, nobody writes; an order that is not all paid may have more at any time."""
    if change:
        await filled.split.orders.update_one({"order_id": "a"}, {"$set": change})
    after = world.booked(4, "a", "CNY", {world.CLEARING: -1, "merchant:available/shop": 1})
    assert len(await rebooked(filled, *world.TRANSACTIONS[:2], after)) == shown


async def test_a_reward_or_adjustment_is_shown_with_who_agreed_and_beside_the_order_that_it_is_about(
    filled: Stores,
) -> None:
    share = {
        "path": "merchant:m1",
        "receiver": "merchant:m1",
        "amount_minor": 500,
        "state": "available",
        "reason": "ACCOUNT_ABNORMAL",
        "breakdown": {},
    }
    adjusts = {"direction": "credit", "category": "goodwill", "amount_minor": 500, "order_id": "a"}
    await filled.split.charges.insert_one(
        {
            "_id": f"{MP}/charges/c1",
            "marketplace": MP,
            "order_id": "c1",
            "kind": "adjustment",
            "currency": "CNY",
            "shares": [share],
            "payouts": 1,
            "revisions": {},
            "asked_by": "Ann",
            "approved_by": "Bob",
            "reason": "late parcel",
            "adjusts": adjusts,
            "made_at": world.SETTLED_AT,
        }
    )
    found = await traced(filled, f"{MP}/charges/c1")
    assert found is not None
    assert (found.place.name, found.place.detail) == ("held", "ACCOUNT_ABNORMAL")
    told = {step.what: step.text for step in found.steps}
    agreed = "credit of goodwill, 5.00 CNY for merchant:m1, asked by Ann, approved by Bob: late parcel"
    assert told["adjustment"] == agreed
    assert told["share"] == "merchant:m1: 5.00 CNY, available, ACCOUNT_ABNORMAL"
    order = await traced(filled, f"{MP}/a")
    assert order is not None
    assert [step.text for step in order.steps if step.what == "adjustment"] == [agreed]
    assert await traced(filled, f"{MP}/charges/c2") is None
