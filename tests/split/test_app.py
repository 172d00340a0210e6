"""Split's wiring."""

from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from tests.split.replica import MARKETPLACES

from shared.settings import load
from split.app import create_app
from split.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings() -> Settings:
    return Settings(
        kafka_bootstrap="127.0.0.1:1",
        mongo_url="mongodb://127.0.0.1:1/?directConnection=true",
        marketplaces_file=MARKETPLACES,
        topics_file=ROOT / "deploy" / "topics.yaml",
    )


def test_every_route_is_below_a_marketplace_and_typed(settings: Settings) -> None:
    document = create_app(settings).openapi()
    assert set(document["paths"]) == {
        "/v1/marketplaces/{marketplace}/orders/{order_id}/split",
        "/v1/marketplaces/{marketplace}/accounts",
        "/v1/marketplaces/{marketplace}/accounts/{account}/balance",
        "/v1/marketplaces/{marketplace}/accounts/{account}/entries",
    }
    answers = [path["get"]["responses"]["200"]["content"]["application/json"] for path in document["paths"].values()]
    assert all("$ref" in answer["schema"] for answer in answers)


def test_no_route_publishes_to_a_topic(settings: Settings) -> None:
    methods = [route.methods for route in create_app(settings).routes if isinstance(route, APIRoute)]
    assert all((found or set()) <= {"GET", "HEAD"} for found in methods)


def test_the_settings_are_read_from_variables_of_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLIT_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("SPLIT_MONGO_URL", "mongodb://mongo")
    found = load(Settings)
    assert (found.kafka_bootstrap, found.mongo_database) == ("kafka:9092", "split")
