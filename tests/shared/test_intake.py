"""The loop on the real Kafka and MongoDB: every record reaches exactly one place."""

import pytest
from tests.shared.probe import Probe, count_of, until

pytestmark = pytest.mark.infra


async def test_every_order_is_stored_once_and_answered_once(it: Probe) -> None:
    orders = [it.order(number) for number in range(50)]
    await it.send(*orders)
    async with it.running() as service:
        answers = await it.published(it.given.topic, 50)
        await it.send(*orders)
        await it.send(it.order("last"))

        async def done() -> bool:
            return await count_of(service.database, "orders") == 51

        await until(done)
        assert {answer.key for answer in answers} == {order.key.encode() for order in orders}

        async def forgotten() -> bool:
            return await count_of(service.database, "outbox") == 0

        await until(forgotten)
    assert len(await it.published(it.given.topic, 51)) == 51
