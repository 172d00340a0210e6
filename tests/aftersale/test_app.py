"""The whole of aftersale in this process, on the real Kafka and MongoDB."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.aftersale.examples import merchant, order, rejection
from tests.shared.probe import until

from aftersale.app import create_app
from aftersale.settings import Settings
from shared import envelope
from shared.messages import Event, encode
from shared.outbox import Outgoing
from shared.publisher import Publisher
from shared.settings import load
from shared.topics import Topics, apply

ROOT = Path(__file__).parents[2]


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
        httpx.AsyncClient(transport=transport, base_url="http://aftersale/v1/marketplaces/") as client,
    ):

        async def ready() -> bool:
            return (await client.get("http://aftersale/readyz")).status_code == 200

        await until(ready)
        yield client


def record(event: Event, source: str, origin: datetime) -> Outgoing:
    headers = envelope.headers_of(event, source, datetime.now(UTC), origin)
    return Outgoing(event.topic, event.key.encode(), encode(event), headers, ("test", 0), 0)


@pytest.mark.infra
async def test_paid_refused_and_corrected_orders_are_shown_as_payments_left_them(
    service: httpx.AsyncClient, kafka_bootstrap: str
) -> None:
    origin = datetime.now(UTC)
    names = [f"{kind}-{origin.timestamp():.6f}" for kind in ("paid", "refused", "corrected")]
    paid, refused, corrected = names
    publisher = Publisher(kafka_bootstrap, "test")
    records = [record(order(it), "/upstream/shop", origin) for it in names]
    records += [record(rejection(it), "/weir/payments", origin) for it in (refused, corrected)]
    later = origin + timedelta(seconds=9)
    records += [record(order(corrected, sku="corrected"), "/upstream/shop", later)]
    records += [record(merchant(), "/weir/merchant", origin)]
    await publisher.publish(records)
    await publisher.stop()

    async def state(order_id: str) -> tuple[str, str]:
        found = (await service.get(f"test-shop/orders/{order_id}")).json()
        return found.get("state", ""), ((found.get("order") or {}).get("lines") or [{}])[0].get("sku", "")

    wanted = {paid: ("paid", "sku-1"), refused: ("rejected", "sku-1"), corrected: ("paid", "corrected")}

    async def as_payments_left_them() -> bool:
        return {name: await state(name) for name in names} == wanted

    await until(as_payments_left_them)


def test_the_settings_are_read_from_variables_of_aftersale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERSALE_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("AFTERSALE_MONGO_URL", "mongodb://mongo")
    found = load(Settings)
    assert (found.kafka_bootstrap, found.mongo_database) == ("kafka:9092", "aftersale")


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
