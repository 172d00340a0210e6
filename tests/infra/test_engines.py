"""What the tests stand on is real: a broker that keeps order, and a replica set whose transactions roll back."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pymongo import AsyncMongoClient
from tests.conftest import NewTopicMaker

pytestmark = pytest.mark.infra


async def test_kafka_gives_records_back_in_order(kafka_bootstrap: str, new_topic: NewTopicMaker) -> None:
    topic = await new_topic("orders")
    sent = [str(number).encode() for number in range(10)]
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, enable_idempotence=True) as producer:
        for value in sent:
            await producer.send_and_wait(topic, value)
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest") as consumer:
        received = [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in sent]
    assert received == sent


async def test_mongodb_undoes_a_transaction_that_is_not_committed(mongo_url: str, database_name: str) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo_url) as client:
        orders = client[database_name]["orders"]
        await orders.insert_one({"number": 1})
        async with client.start_session() as session:
            await session.start_transaction()
            await orders.insert_one({"number": 2}, session=session)
            await session.abort_transaction()
        assert [order["number"] async for order in orders.find()] == [1]
