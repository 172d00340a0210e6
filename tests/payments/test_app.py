"""The whole service in this process, on the real Kafka and MongoDB and beside the real institution."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.payments.edge import Institution, until
from tests.payments.examples import order, payment, payout

from payments.app import create_app
from payments.settings import Settings
from shared import envelope, settings
from shared.messages import Event, encode
from shared.outbox import Outgoing
from shared.publisher import Publisher
from shared.topics import Topics, apply

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def app(
    kafka_bootstrap: str, mongo_url: str, database_name: str, institution: Institution, monkeypatch: pytest.MonkeyPatch
) -> FastAPI:
    await apply(Topics.load(ROOT / "deploy" / "topics.yaml"), kafka_bootstrap)
    for name, value in {
        "PAYMENTS_KAFKA_BOOTSTRAP": kafka_bootstrap,
        "PAYMENTS_MONGO_URL": mongo_url,
        "PAYMENTS_MONGO_DATABASE": database_name,
        "PAYMENTS_INSTITUTION_URL": institution.url,
        "PAYMENTS_MARKETPLACES_FILE": str(ROOT / "deploy" / "marketplaces.yaml"),
        "PAYMENTS_TOPICS_FILE": str(ROOT / "deploy" / "topics.yaml"),
    }.items():
        monkeypatch.setenv(name, value)
    return create_app()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://payments") as client,
    ):
        yield client


async def publish(bootstrap: str, event: Event) -> None:
    """Publish as split does."""
    now = datetime.now(UTC)
    headers = envelope.headers_of(event, "/weir/split", now, now)
    publisher = Publisher(bootstrap, "test")
    await publisher.publish([Outgoing(event.topic, event.key.encode(), encode(event), headers, ("test", 0), 0)])
    await publisher.stop()


@pytest.mark.infra
async def test_an_order_goes_from_http_through_kafka_to_paid_legs(
    client: httpx.AsyncClient, kafka_bootstrap: str, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-1", fee_minor=0))

    async def ready() -> int:
        return (await client.get("/readyz")).status_code

    await until(ready, lambda code: code == 200)
    json = {"content-type": "application/json"}
    posted = await client.post("/v1/marketplaces/test-shop/orders", content=encode(order()), headers=json)
    assert posted.status_code == 202, posted.text

    async def state() -> str:
        body: dict[str, str] = (await client.get(posted.json()["status_url"])).json()
        return body["state"]

    await until(state, lambda seen: seen == "accepted")
    await publish(kafka_bootstrap, payout())
    await until(state, lambda seen: seen == "settled")

    async def metrics() -> str:
        return (await client.get("/metrics")).text

    await until(metrics, lambda text: "weir_order_to_payout_seconds_count 1.0" in text)
    assert (await client.get("/livez")).status_code == 200


@pytest.mark.infra
async def test_what_an_institution_moves_by_itself_is_asked_for_once_it_has_answered(
    client: httpx.AsyncClient, institution: Institution
) -> None:
    await institution.pay(payment("pay-o-2"))
    await institution.move("inbound", "in-1", 500, reference="deposit:alice")

    async def ready() -> int:
        return (await client.get("/readyz")).status_code

    await until(ready, lambda code: code == 200)
    json = {"content-type": "application/json"}
    posted = await client.post("/v1/marketplaces/test-shop/orders", content=encode(order("o-2")), headers=json)
    assert posted.status_code == 202

    async def moved() -> list[tuple[str, str]]:
        items = (await client.get("/v1/marketplaces/test-shop/movements")).json()["items"]
        return [(it["movement_id"], it["state"]) for it in items]

    await until(moved, lambda it: it == [("in-1", "published")])


def test_without_its_settings_the_service_says_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PAYMENTS_INSTITUTION_URL", raising=False)
    monkeypatch.delenv("PAYMENTS_KAFKA_BOOTSTRAP", raising=False)
    with pytest.raises(SystemExit):
        settings.load(Settings)
    assert "PAYMENTS_INSTITUTION_URL" in capsys.readouterr().err


def test_keys_that_cannot_be_used_stop_the_start_and_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "sandbox-direct").write_text("a key with blanks")
    monkeypatch.setenv("PAYMENTS_KEYS_DIR", str(tmp_path))
    with pytest.raises(SystemExit):
        settings.load(Settings)
    said = capsys.readouterr().err
    assert "PAYMENTS_KEYS_DIR: Value error, sandbox-direct has a key with other than visible ASCII characters" in said
    assert "blanks" not in said
