"""What a crash leaves behind is brought back to a lane, once."""

from types import SimpleNamespace
from typing import cast

import pytest
from tests.payments.edge import Edge, Institution, until
from tests.payments.examples import ACCOUNT, NOW, order, payment, payout

from payments.channels.sandbox import SandboxChannel
from payments.dispatch.lanes import Lanes, Line, lane
from payments.domain.payouts import Payout, instructions, requested
from shared.messages import PayoutSettled, SplitRequested
from shared.mongo import Database


@pytest.fixture
async def crashed(still_edge: Edge, institution: Institution) -> Edge:
    """Return a replica that died right after it had committed the payout of an accepted order."""
    await institution.pay(payment("pay-o-1"))
    still_edge.start()
    await still_edge.take(order())
    await still_edge.order_in("accepted")
    await still_edge.stop()
    await still_edge.take(payout())
    return still_edge


async def test_a_crash_before_the_proof_is_asked_loses_no_order(
    still_edge: Edge, database: Database, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-1"))
    await still_edge.take(order())
    other = Edge(database, SandboxChannel(institution.url, timeout_s=5))
    other.start()
    await other.let_time_pass()
    await other.order_in("accepted")
    assert len(other.published.events(SplitRequested)) == 1
    await other.stop()


async def test_a_crash_between_commit_and_sending_loses_no_payout(
    crashed: Edge, database: Database, institution: Institution
) -> None:
    other = Edge(database, SandboxChannel(institution.url, timeout_s=5))
    other.start()
    await other.let_time_pass()
    await other.payout_in("final")
    assert len(other.published.events(PayoutSettled)) == 1
    assert (await institution.balances())["merchant:alice"] == 1_080
    await other.stop()
    assert crashed.published.events(PayoutSettled) == []


async def test_a_crash_between_sending_and_commit_pays_no_leg_twice(
    crashed: Edge, database: Database, institution: Institution
) -> None:
    channel = SandboxChannel(institution.url, timeout_s=5)
    await channel.carry_out(ACCOUNT, list(instructions(requested(payout(), NOW, NOW))))
    other = Edge(database, channel)
    other.start()
    await other.let_time_pass()
    stored = await other.payout_in("final")
    assert {it["state"] for it in stored["legs"]} == {"succeeded"}
    assert len(await institution.transfers()) == len(stored["legs"])
    assert (await institution.balances())["merchant:alice"] == 1_080
    await other.stop()
    assert await crashed.unpaid_minor() == 0


async def test_what_a_lane_has_just_been_handed_is_left_alone(crashed: Edge) -> None:
    sweep = crashed.parts.sweep
    assert await sweep.payouts(crashed.parts.transfers) == 0
    await crashed.database.handovers.update_many({}, {"$set": {"due_at": NOW}})
    assert await sweep.payouts(crashed.parts.transfers) == 1
    assert await sweep.payouts(crashed.parts.transfers) == 0


async def test_a_sweep_goes_on_until_nothing_is_due(still_edge: Edge) -> None:
    await still_edge.take(*(order(f"o-{number}") for number in range(450)))
    await still_edge.database.orders.update_many({}, {"$set": {"ask_at": NOW, "state": "unverified"}})
    assert await still_edge.parts.sweep.orders(still_edge.parts.proofs) == 450


async def test_all_hand_overs_that_are_due_are_brought_back(still_edge: Edge) -> None:
    for number in range(10):
        await still_edge.take(order(f"o-{number}"))
    await still_edge.database.handovers.update_many({}, {"$set": {"due_at": NOW}})
    assert await still_edge.parts.sweep.orders(still_edge.parts.proofs) == 10


async def test_a_hand_over_ends_with_its_last_order(still_edge: Edge, institution: Institution) -> None:
    """Fails when it ends earlier: a crash would then leave the others for ever."""
    await institution.pay(payment("pay-o-1"))
    await still_edge.take(order(), order("o-2"))
    still_edge.start()
    await still_edge.order_in("accepted")
    await still_edge.order_in("unverified", "test-shop/o-2")
    await until(lambda: still_edge.database.handovers.count_documents({}), lambda count: count == 0)


async def test_a_hand_over_of_which_nothing_is_left_is_swept_away(still_edge: Edge) -> None:
    await still_edge.take(order())
    await still_edge.database.orders.update_many({}, {"$set": {"state": "accepted"}})
    await still_edge.database.handovers.update_many({}, {"$set": {"due_at": NOW}})
    assert await still_edge.parts.sweep.orders(still_edge.parts.proofs) == 0
    assert await still_edge.database.handovers.count_documents({}) == 0


async def test_what_a_lane_has_no_room_for_is_fetched_again_when_it_has(
    still_edge: Edge, institution: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when it is left to the clock: nothing is due here before 30 s."""
    monkeypatch.setattr(lane, "WAITING_MAX", 3)
    for number in range(9):
        await institution.pay(payment(f"pay-o-{number}"))
        await still_edge.take(order(f"o-{number}"))
    still_edge.start()
    accepted = {"state": "accepted"}
    await until(lambda: still_edge.database.orders.count_documents(accepted), lambda count: count == 9)
    await until(lambda: still_edge.database.handovers.count_documents({}), lambda count: count == 0)


async def test_what_a_crash_leaves_of_a_receivers_own_lane_comes_back_to_that_lane(
    crashed: Edge, database: Database
) -> None:
    """Fails when the hand-over forgets the receiver: its pace would be the account's."""
    await database.handovers.update_many({}, {"$set": {"receiver": "merchant:alice", "profile": "wechat-ecommerce"}})
    await database.handovers.update_many({}, {"$set": {"due_at": NOW}})
    lines = list[Line]()
    left = crashed.parts.sweep.left_payouts
    await left.sweep(cast("Lanes[Payout]", SimpleNamespace(hand=lambda line, _items, _id: lines.append(line))))
    assert lines == [Line("wechat-ecommerce", ACCOUNT, "merchant:alice")]
