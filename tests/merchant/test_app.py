"""The whole of merchant in this process, on the real Kafka and MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from fastapi import FastAPI
from tests.merchant.examples import payout, sale
from tests.shared.probe import until

from merchant.app import create_app
from merchant.settings import Settings
from shared import envelope
from shared.messages import MerchantChanged, decode, encode
from shared.outbox import Outgoing
from shared.publisher import Publisher
from shared.settings import load
from shared.topics import Topics, apply

ROOT = Path(__file__).parents[2]
WAIT_S = 60


@pytest.fixture
async def app(kafka_bootstrap: str, mongo_url: str, database_name: str) -> FastAPI:
    topics = ROOT / "deploy" / "topics.yaml"
    await apply(Topics.load(topics), kafka_bootstrap)
    settings = Settings(
        kafka_bootstrap=kafka_bootstrap,
        mongo_url=mongo_url,
        mongo_database=database_name,
        marketplaces_file=ROOT / "deploy" / "marketplaces.yaml",
        topics_file=topics,
    )
    return create_app(settings)


@pytest.fixture
async def service(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://merchant/v1/marketplaces/") as client,
    ):

        async def ready() -> bool:
            return (await client.get("http://merchant/readyz")).status_code == 200

        await until(ready)
        yield client


async def published(bootstrap: str, key: bytes) -> Any:  # noqa: ANN401 - aiokafka's record
    consumer = AIOKafkaConsumer("merchant-changed", bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer, asyncio.timeout(WAIT_S):
        while (record := await consumer.getone()).key != key:
            pass
        return record


@pytest.mark.infra
async def test_a_merchant_is_told_to_the_others_and_sees_what_it_was_paid(
    service: httpx.AsyncClient, kafka_bootstrap: str, database_name: str
) -> None:
    shop = f"test-{database_name[-8:]}"
    terms = {"effective_from": "2020-01-01T00:00:00Z", "channel_profile": "sandbox-direct"}
    items = {"merchants": [{"merchant": "alice", "name": "Alice", "agreement": terms}]}
    assert (await service.post(f"{shop}/merchants:batch", json=items)).status_code == 200
    record = await published(kafka_bootstrap, f"{shop}/alice".encode())
    event = decode(MerchantChanged, record.value)
    assert (event.version, len(event.agreements)) == (1, 1)
    assert envelope.read(record.headers).id == envelope.expected_id(event)

    settled = payout(sale(), marketplace=shop)
    now = datetime.now(UTC)
    headers = envelope.headers_of(settled, "/weir/payments", now, now)
    publisher = Publisher(kafka_bootstrap, "test")
    await publisher.publish([Outgoing(settled.topic, settled.key.encode(), encode(settled), headers, ("test", 0), 0)])
    await publisher.stop()

    async def paid() -> bool:
        entries = (await service.get(f"{shop}/merchants/alice/statement-lines")).json()["entries"]
        return [it["amount_minor"] for it in entries] == [1_080]

    await until(paid)


def test_the_settings_are_read_from_variables_of_merchant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERCHANT_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("MERCHANT_MONGO_URL", "mongodb://mongo")
    monkeypatch.setenv("MERCHANT_AGREEMENT_LEAD_S", "60")
    found = load(Settings)
    assert (found.mongo_database, found.agreement_lead_s) == ("merchant", 60)


def test_every_route_is_below_a_marketplace_and_typed(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    assert {path.removeprefix("/v1/marketplaces/{marketplace}/") for path in paths} == {
        "merchants",
        "merchants:batch",
        "merchants/{merchant}",
        "merchants/{merchant}/agreements",
        "merchants/{merchant}/statement-lines",
        "merchants/{merchant}/statement-totals",
    }
    for operations in paths.values():
        for operation in operations.values():
            good = [answer for status, answer in operation["responses"].items() if status in {"200", "201"}]
            assert any("$ref" in it.get("content", {}).get("application/json", {}).get("schema", {}) for it in good)


def test_every_field_of_the_documents_is_described(app: FastAPI) -> None:
    schemas = app.openapi()["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        if name not in {"HTTPValidationError", "ValidationError", "ProblemBody"}
        for field, said in schema.get("properties", {}).items()
        if not said.get("description")
    ]
    assert silent == []
