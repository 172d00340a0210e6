"""Refund-requested on a real MongoDB: every part has its number and is stored before anything is sent."""

from typing import Any

import pytest
from tests.payments.edge import Edge, Institution
from tests.payments.examples import back, funding, order, payment, payout, plan, to_buyer

from shared.messages import PayoutSettled, RefundRequested, RefundSettled


async def sold(edge: Edge, institution: Institution) -> None:
    """Have order o-1 of 12.00 paid out, and the lanes stand still."""
    await institution.pay(payment("pay-o-1"))
    await edge.take(order())
    edge.start()
    await edge.order_in("accepted")
    await edge.take(payout())
    await edge.payout_in("final")
    await edge.stop()
    assert [it.revision for it in edge.published.events(PayoutSettled)] == [1]
    edge.published.records.clear()


def states(told: RefundSettled) -> list[str]:
    """Return where returns, fundings and refunds stand, in this order."""
    parts: list[Any] = [*told.returns, *told.fundings, *told.refunds]
    return [it.state for it in parts]


async def test_a_plan_is_stored_as_sending_with_all_its_numbers_before_anything_is_sent(
    still_edge: Edge, institution: Institution
) -> None:
    await sold(still_edge, institution)
    await still_edge.take(plan())
    stored = await still_edge.refund()
    assert (stored["state"], stored["waits"], stored["order"]) == ("sending", "sending", "test-shop/o-1")
    parts = [(it["kind"], it["state"], len(it["channel_number"])) for it in stored["parts"]]
    assert parts == [("return", "sending", 26), ("subsidy", "sending", 26), ("refund", "created", 26)]
    (leg, _) = (await still_edge.payout())["legs"]
    assert [it["of"] for it in stored["parts"]] == [leg["channel_number"], None, "pay-o-1"]
    assert [it["number"] for it in await institution.transfers() if it["kind"] != "payout"] == []
    (handover,) = await still_edge.database.handovers.find({"operation": "refund"}).to_list(None)
    assert handover["keys"] == ["test-shop/r-1"]


async def test_a_repeated_plan_changes_nothing(still_edge: Edge, institution: Institution) -> None:
    await sold(still_edge, institution)
    await still_edge.take(plan(), plan())
    before = await still_edge.refund()
    await still_edge.take(plan())
    assert await still_edge.refund() == before
    assert still_edge.published.records == []


async def test_another_body_under_a_known_revision_is_a_dead_letter_and_the_first_stands(
    still_edge: Edge, institution: Institution
) -> None:
    await sold(still_edge, institution)
    await still_edge.take(plan(), plan(2, fundings=(funding(), funding(5, "advance"))))
    before = await still_edge.refund()
    await still_edge.take(plan(refunds=(to_buyer(1),)), plan(2))
    assert [it.partition(":")[0] for it in still_edge.published.dead()] == ["refund_conflict"] * 2
    assert await still_edge.refund() == before


async def test_a_plan_older_than_the_last_says_nothing_new(still_edge: Edge, institution: Institution) -> None:
    await sold(still_edge, institution)
    await still_edge.take(plan(3))
    before = await still_edge.refund()
    await still_edge.take(plan(2, returns=()))
    assert (await still_edge.refund(), still_edge.published.records) == (before, [])


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        ("order_not_accepted", plan(order_id="o-9")),
        ("refund_account_differs", plan(currency="USD")),
        ("payment_unknown", plan(refunds=(to_buyer(1, "pay-o-2"),))),
        ("refund_above_paid", plan(refunds=(to_buyer(1_201),))),
        ("leg_unknown", plan(returns=(back(payout_id="o:o-1.2"),))),
        ("return_above_leg", plan(returns=(back(amount_minor=1_081),))),
    ],
)
async def test_a_plan_that_breaks_a_rule_is_a_dead_letter_and_stored_nowhere(
    still_edge: Edge, institution: Institution, reason: str, event: RefundRequested
) -> None:
    await sold(still_edge, institution)
    await still_edge.take(event)
    assert [it.partition(":")[0] for it in still_edge.published.dead()] == [reason]
    assert await still_edge.refund() == {}


async def test_two_refunds_of_one_batch_get_no_more_together_than_was_paid(
    still_edge: Edge, institution: Institution
) -> None:
    await sold(still_edge, institution)
    fields: dict[str, Any] = {"returns": (), "fundings": (), "refunds": (to_buyer(700),)}
    await still_edge.take(plan(**fields), plan(refund_id="r-2", **fields))
    assert [it.partition(":")[0] for it in still_edge.published.dead()] == ["refund_above_paid"]
    assert await still_edge.refund("test-shop/r-2") == {}


async def test_a_refused_refund_is_answered_at_once_even_where_nobody_knows_the_order(still_edge: Edge) -> None:
    await still_edge.take(plan(refused="line_unknown", returns=(), fundings=(), refunds=()))
    (told,) = still_edge.published.events(RefundSettled)
    assert (told.state, told.reason, told.planned, told.revision) == ("failed", "line_unknown", 1, 1)
    assert (await still_edge.refund())["state"] == "final"
    assert await still_edge.database.handovers.count_documents({"operation": "refund"}) == 0


async def test_what_is_asked_back_of_a_leg_that_came_back_by_itself_fails_and_says_so(
    still_edge: Edge, institution: Institution
) -> None:
    await sold(still_edge, institution)
    change = {"$set": {"legs.0.state": "returned"}}
    await still_edge.database.payouts.update_one({"_id": "test-shop/o:o-1.1"}, change)
    await still_edge.take(plan())
    (told,) = still_edge.published.events(RefundSettled)
    assert (told.state, told.reason) == ("failed", "return_leg_not_paid")
    assert states(told) == ["failed", "cancelled", "cancelled"]
