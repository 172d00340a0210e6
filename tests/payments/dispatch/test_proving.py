"""Proofs at the real institution: a claim becomes a split order only by its record, and a payment proves one order."""

import asyncio

import pytest
from tests.payments.edge import Edge, Institution, until
from tests.payments.examples import order, payment

from payments.channels.sandbox import SandboxChannel
from shared.messages import OrderRejected, SplitRequested
from shared.mongo import Database


async def test_a_payment_that_is_not_known_yet_holds_the_order_until_it_is(
    edge: Edge, institution: Institution
) -> None:
    await edge.take(order())
    held = await edge.order_in("unverified")
    assert (held["asks"], "pay-o-1" in held["detail"]) == (1, True)
    await institution.pay(payment("pay-o-1"))
    await edge.let_time_pass()
    assert (await edge.order_in("accepted"))["proved_at"] is not None
    assert len(edge.published.events(SplitRequested)) == 1


async def test_an_order_is_asked_for_later_and_later(edge: Edge) -> None:
    await edge.take(order())
    waits = []
    for asks in range(1, 4):
        held = await until(edge.order, lambda it, asks=asks: it.get("asks") == asks)  # type: ignore[misc] # a default
        waits.append(held["ask_at"])
        await edge.let_time_pass()
    assert waits == sorted(waits)


@pytest.mark.parametrize(
    ("paid_minor", "currency", "reason"),
    [(1_199, "EUR", "payment_amount_differs"), (1_200, "USD", "payment_currency_differs")],
)
async def test_a_payment_known_otherwise_rejects_the_order(
    edge: Edge, institution: Institution, paid_minor: int, currency: str, reason: str
) -> None:
    await institution.pay(payment("pay-o-1", paid_minor), currency=currency)
    await edge.take(order())
    stored = await edge.order_in("rejected")
    assert (stored["reason"], stored["net_minor"], stored["ask_at"]) == (reason, None, None)
    [rejected] = edge.published.events(OrderRejected)
    assert rejected.reason == reason


async def test_a_payment_proves_one_of_two_orders_in_a_batch(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("shared"))
    await edge.take(order("o-1", payments=(payment("shared"),)), order("o-2", payments=(payment("shared"),)))
    await edge.order_in("accepted", "test-shop/o-1")
    assert (await edge.order_in("rejected", "test-shop/o-2"))["reason"] == "payment_used"


async def test_two_replicas_that_prove_two_orders_with_one_payment_accept_one(
    edge: Edge, database: Database, institution: Institution
) -> None:
    await institution.pay(payment("shared"))
    other = Edge(database, SandboxChannel(institution.url, timeout_s=5))
    other.start()
    first, second = (order(it, payments=(payment("shared"),)) for it in ("o-1", "o-2"))
    await asyncio.gather(edge.take(first), other.take(second))

    async def states() -> list[str]:
        return sorted([it["state"] async for it in database.orders.find({})])

    assert await until(states, lambda seen: "sending" not in seen) == ["accepted", "rejected"]
    await edge.all_published()
    published = [*edge.published.events(SplitRequested), *other.published.events(SplitRequested)]
    assert len(published) == 1
    assert await database.claims.count_documents({}) == 1
    await other.stop()


async def test_a_replica_that_proves_what_another_has_proved_publishes_nothing_more(
    still_edge: Edge, database: Database, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-1"), payment("pay-o-2"))
    other = Edge(database, SandboxChannel(institution.url, timeout_s=5))
    await still_edge.take(order())
    await other.let_time_pass()  # both have it now
    still_edge.start()
    await still_edge.order_in("accepted")
    await other.take(order("o-2"))
    other.start()
    await other.order_in("accepted", "test-shop/o-2")  # in one batch with the other's stale o-1
    await other.stop()
    assert [it.order_id for it in still_edge.published.events(SplitRequested)] == ["o-1"]
    assert [it.order_id for it in other.published.events(SplitRequested)] == ["o-2"]


async def test_an_institution_that_is_closed_delays_the_proof_and_loses_nothing(
    edge: Edge, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-1"))
    await institution.fault(operations=["payments/query"], answer="unavailable", remaining=2)
    await edge.take(order())
    await edge.order_in("accepted")
    assert len(edge.published.events(SplitRequested)) == 1


async def test_an_answer_that_got_lost_is_asked_for_again(edge: Edge, institution: Institution) -> None:
    await institution.pay(payment("pay-o-1"))
    await institution.fault(operations=["payments/query"], answer="drop_after", remaining=1)
    await edge.take(order())
    await edge.order_in("accepted")


async def test_a_corrected_body_is_not_concluded_by_the_proof_of_the_first(
    still_edge: Edge, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-1"))
    await still_edge.take(order())
    await still_edge.database.orders.update_one({}, {"$set": {"hash": b"another body"}})
    still_edge.start()
    await still_edge.take(order("o-2", payments=(payment("pay-o-1"),)))
    await still_edge.order_in("accepted", "test-shop/o-2")
    assert (await still_edge.order())["state"] == "sending"


async def test_hundreds_of_orders_are_proved_in_few_requests(edge: Edge, institution: Institution) -> None:
    orders = [order(f"o-{number}") for number in range(400)]
    await institution.pay(*(it.payments[0] for it in orders))
    await edge.take(*orders)

    async def accepted() -> int:
        return await edge.database.orders.count_documents({"state": "accepted"})

    await until(accepted, lambda seen: seen == 400)
    await edge.all_published()
    splits = edge.published.events(SplitRequested)
    assert len({it.order_id for it in splits}) == len(splits) == 400
