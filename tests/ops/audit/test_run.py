"""A whole audit on stores that change meanwhile: nothing under way is a breach, and what is lost still is."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.ops.audit import world
from tests.ops.audit.harm_books import cut_the_chain, raise_a_balance, raise_a_share
from tests.ops.audit.harm_legs import forget_a_transfer
from tests.ops.audit.harm_ways import lose_an_order
from tests.ops.audit.live import Audited, Live, Plant
from tests.ops.audit.world import MP

from ops.audit import flight
from ops.send.manifest import Manifest


async def test_money_on_its_way_is_no_breach(live: Live, audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """A young event in an outbox: the paid leg is stated when it arrives, not lost."""
    monkeypatch.setattr(flight, "PASSED_S_MAX", 0.1)  # nobody publishes it here
    live["merchant"].statements.update_one({}, {"$pop": {"entries": -1}})
    live["payments"].outbox.insert_one({"group": "g", "partition": 0, "seq": 1, "at": datetime.now(UTC), "events": [1]})
    report = await audited(live)
    assert (report.at_rest, report.lost, report.findings.shown) == (False, 0, [])
    assert [(it.kind, it.where, it.count) for it in report.flights] == [("outbox", "payments", 1)]


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
