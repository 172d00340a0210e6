"""Orders that come in by HTTP: kept once, the first body stands unless it was rejected."""

import asyncio

from tests.payments.edge import Edge
from tests.payments.examples import order

from shared.messages import OrderPaid


async def test_an_order_is_kept_as_one_event_however_often_it_is_sent(still_edge: Edge) -> None:
    let_in = still_edge.parts.ingress.let_in
    assert {await let_in(order()) for _ in range(3)} == {"received"}
    assert still_edge.published.events(OrderPaid) == [order()]


async def test_another_body_is_a_conflict_before_and_after_the_order_is_judged(still_edge: Edge) -> None:
    let_in = still_edge.parts.ingress.let_in
    await let_in(order())
    assert await let_in(order(buyer="b-2")) == "order_conflict"
    await still_edge.take(order())
    assert await let_in(order(buyer="b-2")) == "order_conflict"
    assert await let_in(order()) == "received"


async def test_an_order_known_from_kafka_is_answered_without_a_second_event(still_edge: Edge) -> None:
    await still_edge.take(order())
    assert await still_edge.parts.ingress.let_in(order()) == "received"
    assert await still_edge.parts.ingress.let_in(order(buyer="b-2")) == "order_conflict"
    assert still_edge.published.events(OrderPaid) == []


async def test_a_corrected_body_of_a_rejected_order_is_let_in_once(still_edge: Edge) -> None:
    let_in = still_edge.parts.ingress.let_in
    wrong = order(currency="XXX")
    await let_in(wrong)
    await still_edge.take(wrong)
    assert await let_in(wrong) == "received"
    assert [await let_in(order()), await let_in(order())] == ["received"] * 2
    assert await let_in(order(buyer="b-2")) == "order_conflict"
    assert still_edge.published.events(OrderPaid) == [wrong, order()]


async def test_two_bodies_at_the_same_time_leave_one(still_edge: Edge) -> None:
    bodies = [order(buyer=f"b-{number}") for number in range(4)]
    answers = await asyncio.gather(*map(still_edge.parts.ingress.let_in, bodies))
    assert sorted(answers) == ["order_conflict"] * 3 + ["received"]
    assert len(still_edge.published.events(OrderPaid)) == 1
