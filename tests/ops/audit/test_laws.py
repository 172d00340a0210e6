"""Each law, broken in live stores, is named by the audit; a world in good order breaks none."""

import msgspec
import pytest
from tests.ops.audit.harm_books import BOOKS, SETTLING, unbalance
from tests.ops.audit.harm_guards import GUARDS, owe
from tests.ops.audit.harm_legs import LEGS, pay_a_leg_under_two_numbers
from tests.ops.audit.harm_money_back import MONEY_BACK, refund
from tests.ops.audit.harm_shapes import SHAPES, say_every_amount_twice
from tests.ops.audit.harm_ways import WAYS, lose_an_order
from tests.ops.audit.live import Audited, Live, Plant, rebook
from tests.ops.audit.world import CLEARING, MP, PAID_AT, STRIPE, TRANSACTIONS

from ops.audit.findings import LAWS

PLANTED = [*BOOKS, *GUARDS, *LEGS, *MONEY_BACK, *WAYS, *SHAPES]


async def test_a_world_in_good_order_breaks_no_law(live: Live, audited: Audited) -> None:
    report = await audited(live)
    age_s = (report.at_ms - PAID_AT.timestamp() * 1000) / 1000
    waits = [{"place": "held", "reason": "merchant_unknown", "orders": 1, "oldest_s": age_s}]
    assert report.answer() | {"seconds": 0.0, "peak_mib": 0} == {
        "orders": 2, "settled": 1, "held": 1, "waiting": 0, "rejected": 0, "dlq": 0, "parked": 0, "lost": 0,
        "duplicated": 0, "imbalance_minor": 0, "at_rest": True, "in_flight": [], "waits": waits,
        "reasons": {"held": {"merchant_unknown": 1}}, "unclaimed": [], "seconds": 0.0, "peak_mib": 0,
        "breaches_total": 0, "breaches": [],
    }  # fmt: skip


async def test_a_refund_in_good_order_breaks_no_law(live: Live, audited: Audited) -> None:
    refund(live)
    report = await audited(live)
    assert (report.findings.shown, report.tally.places.of("settled")) == ([], 1)


async def test_an_order_waits_while_its_refund_does(live: Live, audited: Audited) -> None:
    refund(live)
    change = {"waits": "waiting_funds", "ask_at": PAID_AT, "parts.1.state": "created", "parts.2.state": "created"}
    live["payments"].refunds.update_one({}, {"$set": change})
    told = {"refunds.0.fundings.0.state": "requested", "refunds.0.payments.0.state": "requested"}
    live["split"].orders.update_one({"order_id": "a"}, {"$set": told})
    report = await audited(live)
    assert report.tally.places.reasons()["waiting"] == {"refund": 1}


@pytest.mark.parametrize(("plant", "laws"), PLANTED, ids=lambda it: getattr(it, "__name__", ""))
async def test_a_planted_breach_is_named(plant: Plant, laws: set[str], live: Live, audited: Audited) -> None:
    plant(live)
    report = await audited(live)
    assert {breach.law for breach in report.findings.shown} == laws
    assert report.findings.total == len(report.findings.shown)


def test_every_law_has_a_breach_that_shows_it() -> None:
    assert set().union(*(laws for _, laws in PLANTED)) == set(LAWS)


async def test_what_is_paid_twice_is_counted(live: Live, audited: Audited) -> None:
    pay_a_leg_under_two_numbers(live)
    assert (await audited(live)).findings.duplicated == 1


async def test_what_is_out_of_balance_is_summed(live: Live, audited: Audited) -> None:
    unbalance(live)
    assert (await audited(live)).findings.imbalance_minor == 7


async def test_a_lost_order_is_counted(live: Live, audited: Audited) -> None:
    lose_an_order(live)
    report = await audited(live)
    assert (report.lost, report.tally.places.of("waiting")) == (1, 1)


async def test_a_block_without_its_shape_is_named_by_its_id(live: Live, audited: Audited) -> None:
    block = live["split"].blocks.find_one(SETTLING) or {}
    say_every_amount_twice(live)
    found = (await audited(live)).findings.shown
    assert {it.id for it in found if it.law == "transaction_unchanged"} == {block["_id"]}


async def test_a_document_without_its_shape_is_named_by_collection_and_id(live: Live, audited: Audited) -> None:
    live["merchant"].statements.update_one({}, {"$set": {"entries.0.amount_minor": 9240.0}})
    [found] = [it for it in (await audited(live)).findings.shown if it.law == "document_shaped"]
    assert (found.id, found.detail.partition(":")[0]) == (f"{MP}/o:a.1/0", "in merchant.statements")


async def test_a_changed_amount_is_named_by_order_transaction_and_account(live: Live, audited: Audited) -> None:
    block = live["split"].blocks.find_one(SETTLING) or {}
    unbalance(live)
    found = {(it.law, it.id): it.detail for it in (await audited(live)).findings.shown}
    transaction = found["entries_sum_to_zero", f"{block['_id']}.01"]
    assert transaction.startswith(f"its entries sum to 7 CNY, settle of {MP}/a: ")
    assert f"{CLEARING} 9947" in transaction
    assert found["order_booked", f"{MP}/a"] == f"{CLEARING} is 7 in the ledger, the order says 0"
    assert found["balances_derived", f"{MP}|CNY|{CLEARING}|{STRIPE}"] == "kept 0, its entries sum to 7"
    assert ("transaction_unchanged", block["_id"]) in found


async def test_two_amounts_changed_alike_are_named_by_order_and_accounts(live: Live, audited: Audited) -> None:
    """The sum is zero as before, and the hashes are made anew: only the order and the balances still know."""
    first, settle, third = TRANSACTIONS
    entries = settle.transaction.entries
    changed = entries | {CLEARING: entries[CLEARING] - 7, "merchant:in_transit/shop": -9_240 + 7}
    forged = settle._replace(transaction=msgspec.structs.replace(settle.transaction, entries=changed))
    balances = live["split"].balances.find({}).to_list()
    rebook(live, first, forged, third)
    live["split"].balances.delete_many({})
    live["split"].balances.insert_many(balances)
    found = (await audited(live)).findings.shown
    named = {it.detail.partition(" is ")[0] for it in found if (it.law, it.id) == ("order_booked", f"{MP}/a")}
    assert named == {CLEARING, "merchant:in_transit/shop"}
    assert {it.law for it in found} == {"order_booked", "balances_derived", "pool_is_owed"}


async def test_what_a_merchant_owes_is_no_breach(live: Live, audited: Audited) -> None:
    owe(live)
    assert (await audited(live)).findings.shown == []
