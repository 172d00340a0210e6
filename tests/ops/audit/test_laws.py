"""Each law, broken in live stores, is named by the audit; a world in good order breaks none."""

import pytest
from tests.ops.audit.harm_books import BOOKS, SETTLING, unbalance
from tests.ops.audit.harm_legs import LEGS, pay_a_leg_under_two_numbers
from tests.ops.audit.harm_shapes import SHAPES, say_every_amount_twice
from tests.ops.audit.harm_ways import WAYS, lose_an_order
from tests.ops.audit.live import Audited, Live, Plant
from tests.ops.audit.world import MP, PAID_AT

from ops.audit.findings import LAWS

PLANTED = [*BOOKS, *LEGS, *WAYS, *SHAPES]


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
