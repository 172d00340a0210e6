"""A whole audit on stores that change meanwhile: nothing under way is a breach, and what is lost still is."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ops.audit import world
from tests.ops.audit.harm_books import cut_the_chain, raise_a_balance, raise_a_share
from tests.ops.audit.harm_legs import forget_a_transfer
from tests.ops.audit.harm_ways import lose_an_order
from tests.ops.audit.live import Audited, Live, Plant, rebook
from tests.ops.audit.world import MP

from ops.audit import flight, lookagain
from ops.send.manifest import Manifest


async def test_money_on_its_way_is_no_breach(live: Live, audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """A young event in an outbox: the paid leg is stated when it arrives, not lost."""
    monkeypatch.setattr(flight, "PASSED_S_MAX", 0.1)  # nobody publishes it here
    live["merchant"].statements.update_one({}, {"$pop": {"entries": -1}})
    live["payments"].outbox.insert_one({"group": "g", "partition": 0, "seq": 1, "at": datetime.now(UTC), "events": [1]})
    report = await audited(live)
    assert (report.at_rest, report.lost, report.findings.shown) == (False, 0, [])
    assert [(it.kind, it.where, it.count) for it in report.flights] == [("outbox", "payments", 1)]


async def test_an_event_that_is_none_ends_no_audit(
    live: Live, audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight, "PASSED_S_MAX", 0.1)
    live["split"].outbox.insert_one({"group": "api", "partition": -1, "seq": 1, "at": 7, "events": 7})
    report = await audited(live)
    assert [(it.kind, it.where, it.count, it.oldest_s) for it in report.flights] == [("outbox", "split", 1, None)]


async def test_what_arrives_between_the_two_looks_is_no_breach(live: Live, audited: Audited) -> None:
    missing = live["merchant"].statements.find_one_and_delete({}) or {}
    live["payments"].outbox.insert_one(
        {"_id": 1, "group": "g", "partition": 0, "seq": 1, "at": datetime.now(UTC), "events": []}
    )

    def arrive() -> None:
        live["merchant"].statements.insert_one(missing)
        live["payments"].outbox.delete_one({"_id": 1})

    timer = threading.Timer(1.5, arrive)
    timer.start()
    report = await audited(live)
    timer.join()
    assert (report.findings.shown, report.tally.places.of("settled")) == ([], 1)


async def test_what_is_booked_after_the_balances_were_read_is_in_them_later(live: Live, audited: Audited) -> None:
    """The kept balances are those of the chain's head at their moment, not of what is read afterwards."""
    order = live["split"].orders.find_one_and_delete({"order_id": "b"}) or {}
    rebook(live, *world.TRANSACTIONS[:2])

    def book(step: str) -> None:
        if step.startswith("ledger"):
            rebook(live, *world.TRANSACTIONS)
            live["split"].orders.insert_one(order)

    report = await audited(live, tell=book)
    assert (report.findings.shown, report.tally.places.of("held")) == ([], 1)


async def test_what_was_not_missing_at_the_first_look_is_not_lost_at_the_second(live: Live, audited: Audited) -> None:
    """Its event may have been committed while the audit waited for the older ones."""
    live["aftersale"].orders.delete_one({"_id": f"{MP}/a"})

    def pay_later(step: str) -> None:
        if step.endswith("again"):
            live["merchant"].statements.delete_one({})

    report = await audited(live, tell=pay_later)
    assert [(it.law, it.detail) for it in report.findings.shown] == [
        ("order_not_lost", "payments has it, and aftersale has no copy")
    ]


async def test_an_order_that_came_after_the_audit_began_is_not_judged(live: Live, audited: Audited) -> None:
    received = datetime.now(UTC) + timedelta(seconds=30)
    live["payments"].orders.insert_one({**world.claim("c", "CNY", 700), "received_at": received})
    report = await audited(live)
    assert (report.findings.shown, report.tally.places.of("waiting")) == ([], 1)


async def test_what_the_institution_concludes_while_its_record_is_read_is_no_breach(
    live: Live, audited: Audited
) -> None:
    """Its page says accepted, which took the money already; when asked again it has succeeded, as payments says."""
    live.bank.late["N1"] = "accepted"
    live.bank.late["N2"] = ""  # not on the page at all
    live.bank.before = {"CNY": 1_200}
    assert (await audited(live)).findings.shown == []


@pytest.mark.parametrize(("state", "found"), [("failed", 0), ("succeeded", 1)])
async def test_a_number_nobody_knows_any_more_is_asked_for_again(
    state: str, found: int, live: Live, audited: Audited
) -> None:
    """A subsidy that fails gets another number; on the page of before it was accepted, which took the money."""
    live.bank.transfers.append({**live.bank.transfers[0], "number": "N8", "state": state})
    live.bank.late["N8"] = "accepted"
    live.bank.before = {"CNY": 1}
    assert [it.law for it in (await audited(live)).findings.shown] == ["transfer_known"] * found


async def test_what_was_sent_is_not_lost_while_it_is_being_sent(live: Live, audited: Audited, tmp_path: Path) -> None:
    sending = Manifest(datetime.now(UTC) - timedelta(days=1), tmp_path)
    sending.add([f"{MP}/c"])
    report = await audited(live)
    assert (report.lost, report.findings.shown, report.tally.places.of("waiting")) == (0, [], 1)
    sending.close()
    assert (await audited(live)).lost == 1


async def test_what_was_booked_lately_is_looked_at_again_in_its_blocks(
    live: Live, audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two orders share a block; each finds its own transactions in it, and the one of the next block."""
    first, last, _ = world.TRANSACTIONS
    rebook(live, first, world.booked(3, "b", "CNY", {world.CLEARING: -5_000, "merchant:held/new": 5_000}), last)
    live["split"].orders.update_many({}, {"$inc": {"shares.0.amount_minor": 1}})
    of_old = await audited(live)
    since = timedelta(seconds=1) + datetime.now(UTC) - world.PAID_AT
    monkeypatch.setattr(lookagain, "CLOCKS_APART_MS", since // timedelta(milliseconds=1))
    of_new = await audited(live)
    assert {it.law for it in of_new.findings.shown} >= {"order_sums", "order_booked"}
    assert of_new.findings.answer() == of_old.findings.answer()


async def test_payouts_of_an_order_whose_id_begins_like_anothers_are_not_taken_for_its_own(
    live: Live, audited: Audited, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are looked at again, by ranges of ids of which one lies within the other."""
    monkeypatch.setattr(lookagain, "RANGES_AT_ONCE", 1)
    raise_a_share(live)
    order = live["split"].orders.find_one({"order_id": "a"}) or {}
    payout = live["payments"].payouts.find_one({}) or {}
    legs = [it | {"leg_id": it["leg_id"].replace("o:a/", "o:a.1/")} for it in payout["legs"]]
    named = {"_id": f"{MP}/o:a.1.1", "order": f"{MP}/a.1", "legs": legs, "subsidies": []}
    live["payments"].payouts.insert_one(payout | named)
    live["split"].orders.insert_one(order | {"_id": f"{MP}/a.1", "order_id": "a.1", "subsidies": []})
    live["split"].orders.update_one({"order_id": "a"}, {"$inc": {"shares.0.amount_minor": 1}})
    found = (await audited(live)).findings.shown
    assert {it.id for it in found if it.law == "order_sums"} == {f"{MP}/{it}" for it in ("a", "a.1", "b")}
    assert not [it for it in found if it.law == "leg_paid_once" and "open or paid" in it.detail]


@pytest.mark.parametrize("plant", [raise_a_balance, lose_an_order, forget_a_transfer, cut_the_chain])
async def test_several_processes_find_the_same(plant: Plant, live: Live, audited: Audited) -> None:
    plant(live)
    one, several = await audited(live), await audited(live, processes=2)
    found = [(it.tally.places, sorted(it.findings.answer(), key=repr), it.findings.total) for it in (one, several)]
    assert found[0] == found[1]


async def test_one_marketplace_is_audited_by_itself(live: Live, audited: Audited) -> None:
    raise_a_share(live)
    live.sent = (*live.sent, "demo-other/z")
    other = await audited(live, marketplace="demo-other")
    assert [(it.law, it.id) for it in other.findings.shown] == [("order_not_lost", "demo-other/z")]
    assert {it.law for it in (await audited(live, marketplace=MP)).findings.shown} == {"order_sums", "order_booked"}
