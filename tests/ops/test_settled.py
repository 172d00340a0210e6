"""Waiting until everything sent is in its final place, on live stores."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.conftest import NewTopicMaker
from tests.ops.audit.world import MP
from tests.ops.dead import bury, topics

from ops import places, redrives
from ops.letters import read
from ops.places import Tally
from ops.settled import Look, finished, wait
from ops.stores import Stores

pytestmark = pytest.mark.infra

A, B, C = f"{MP}/a", f"{MP}/b", f"{MP}/c"


async def waited(look: Look, *keys: str, timeout_s: float = 0, allow_held: bool = False) -> Tally:
    return await wait(look, places.sent_keys(keys), timeout_s=timeout_s, allow_held=allow_held, tell=lambda _: None)


@pytest.fixture
async def look(filled: Stores, kafka_bootstrap: str, new_topic: NewTopicMaker) -> Look:
    topic = await new_topic("order-paid")
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topics(topic), 1, 1)])
    await admin.close()
    return Look(filled, kafka_bootstrap, (topics(topic),))


def topic_of(look: Look) -> str:
    return look.dead_letter_topics[0].removesuffix(".payments.dlq")


async def test_an_order_that_is_settled_is_not_waited_for(look: Look) -> None:
    tally = await waited(look, A, timeout_s=60)
    assert tally.answer() == {"orders": 1, "settled": 1} | dict.fromkeys(places.NAMES[1:], 0)
    assert finished(tally, allow_held=False)


async def test_held_orders_are_as_good_as_settled_only_when_allowed(look: Look) -> None:
    tally = await waited(look, A, B, timeout_s=60, allow_held=True)
    assert tally.reasons() == {"held": {"merchant_unknown": 1}}
    assert finished(tally, allow_held=True)
    assert not finished(tally, allow_held=False)


async def test_an_order_that_no_store_has_is_looked_for_among_the_dead_letters(look: Look) -> None:
    await bury(look.bootstrap, topic_of(look), C)
    tally = await waited(look, A, C, timeout_s=60)
    assert tally.reasons() == {"dlq": {look.dead_letter_topics[0]: 1}}
    assert not finished(tally, allow_held=True)


async def test_a_letter_that_was_sent_back_is_on_its_way_again(look: Look) -> None:
    await bury(look.bootstrap, topic_of(look), C)
    (letter,) = [it async for it in read(look.bootstrap, look.dead_letter_topics)]
    await look.stores.ops[redrives.REDRIVES].insert_one({"_id": letter.id})
    assert (await waited(look, C)).reasons() == {"waiting": {"not_taken": 1}}


async def test_a_parked_order_is_parked_whatever_else_is_known_of_it(look: Look) -> None:
    await look.stores.split.parks.insert_one({"_id": A, "count": 1, "reason": "leg_unknown"})
    assert (await waited(look, A)).reasons() == {"parked": {"split: leg_unknown": 1}}


async def test_an_order_that_settles_meanwhile_is_waited_for(look: Look) -> None:
    async def release() -> None:
        await asyncio.sleep(0.3)
        change = {"$set": {"shares.0.state": "paid"}}
        await look.stores.split.orders.update_one({"_id": B}, change)

    task = asyncio.create_task(release())
    tally = await waited(look, A, B, timeout_s=30)
    await task
    assert finished(tally, allow_held=False)
    assert tally.of("settled") == 2


async def test_waiting_ends_with_the_time_given(look: Look) -> None:
    tally = await waited(look, A, C, timeout_s=0.2)
    assert (tally.of("settled"), tally.of("waiting")) == (1, 1)
