"""Order-paid on a real MongoDB: each order once, whoever repeats it."""

import asyncio

from tests.payments.edge import Edge, Institution
from tests.payments.examples import discount, order, payment

from shared.messages import OrderRejected, SplitRequested


async def test_a_proved_order_is_split_with_the_institutions_fee(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1", fee_minor=15))
    await edge.take(order())
    stored = await edge.order_in("accepted")
    assert (stored["paid_minor"], stored["net_minor"], stored["ask_at"]) == (1_200, 1_185, None)
    [split] = edge.published.events(SplitRequested)
    assert (split.order_id, split.payments[0].fee_minor, split.lines) == ("o-1", 15, order().lines)


async def test_the_same_order_a_hundred_times_is_split_once(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await edge.take(*[order()] * 60)
    await edge.order_in("accepted")
    await edge.take(*[order()] * 40)
    assert len(edge.published.events(SplitRequested)) == 1
    assert edge.published.dead() == []


async def test_another_body_under_a_known_id_is_a_dead_letter_and_the_first_stands(still_edge: Edge) -> None:
    await still_edge.take(order(), order(buyer="b-2"))
    await still_edge.take(order(buyer="b-3"))
    assert (await still_edge.order())["state"] == "sending"
    assert [it.split(":")[0] for it in still_edge.published.dead()] == ["order_conflict"] * 2


async def test_an_order_against_the_rules_is_recorded_and_told(still_edge: Edge) -> None:
    await still_edge.take(order(adjustments=(discount(-1),)))
    stored = await still_edge.order()
    assert (stored["state"], stored["reason"], stored["ask_at"]) == ("rejected", "amount_mismatch", None)
    [rejected] = still_edge.published.events(OrderRejected)
    assert (rejected.order_id, rejected.reason) == ("o-1", "amount_mismatch")
    assert still_edge.published.dead() == []


async def test_a_corrected_body_of_a_rejected_order_is_taken(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    wrong = order(currency="XXX")
    await edge.take(wrong)
    await edge.take(wrong, order(), wrong)
    await edge.order_in("accepted")
    assert len(edge.published.events(OrderRejected)) == 1
    assert len(edge.published.events(SplitRequested)) == 1
    assert [it.split(":")[0] for it in edge.published.dead()] == ["order_conflict"]


async def test_an_order_wrong_and_corrected_in_one_batch_is_taken(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await edge.take(order(currency="XXX"), order())
    stored = await edge.order_in("accepted")
    assert (stored["currency"], stored["reason"]) == ("EUR", None)


async def test_an_order_that_cost_nothing_is_accepted_without_asking_anybody(still_edge: Edge) -> None:
    await still_edge.take(order(adjustments=(discount(-1_200),), payments=(payment(amount_minor=0),)))
    stored = await still_edge.order()
    assert (stored["state"], stored["net_minor"]) == ("accepted", 0)
    assert len(still_edge.published.events(SplitRequested)) == 1


async def test_the_account_of_another_marketplace_is_refused(still_edge: Edge) -> None:
    await still_edge.take(order(payments=(payment(channel_account="olist"),)))
    assert (await still_edge.order())["reason"] == "channel_account_unknown"


async def test_two_replicas_that_take_the_same_order_keep_it_once(still_edge: Edge) -> None:
    await asyncio.gather(*(still_edge.take(order()) for _ in range(4)))
    assert await still_edge.database.orders.count_documents({}) == 1
