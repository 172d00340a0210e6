"""Split's wiring."""

from pathlib import Path

import pytest
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


BELOW = "/v1/marketplaces/{marketplace}"
OPERATORS = {
    f"{BELOW}/approvals/{{approval_id}}/approve",
    f"{BELOW}/approvals/{{approval_id}}/refuse",
    f"{BELOW}/orders/{{order_id}}/freezes/{{freeze_id}}",
    f"{BELOW}/orders/{{order_id}}/releases",
    f"{BELOW}/operator/legs/retry",
    f"{BELOW}/operator/legs/write-off",
    f"{BELOW}/operator/refunds/retry",
    f"{BELOW}/payouts/pause",
    f"{BELOW}/payouts/resume",
    f"{BELOW}/rewards",
    f"{BELOW}/merchants/{{merchant}}/receivers/{{channel_profile}}/{{channel_account}}/{{receiver}}/unbind",
    f"{BELOW}/rules",
}
"""What changes something: each takes an actor, a reason and a key."""


def test_every_route_is_below_a_marketplace_and_typed(settings: Settings) -> None:
    paths = create_app(settings).openapi()["paths"]
    assert {
        f"{BELOW}/orders/{{order_id}}/split",
        f"{BELOW}/orders/{{order_id}}/freezes",
        f"{BELOW}/accounts",
        f"{BELOW}/accounts/{{account}}/balance",
        f"{BELOW}/accounts/{{account}}/entries",
        f"{BELOW}/accounts/{{account}}/statement",
        f"{BELOW}/accounts/{{account}}/statement.csv",
        f"{BELOW}/trial-balance",
        f"{BELOW}/debts",
        f"{BELOW}/orders/{{order_id}}/refunds",
        f"{BELOW}/refunds",
        f"{BELOW}/journal.csv",
        f"{BELOW}/approvals",
        f"{BELOW}/approvals/{{approval_id}}",
        *OPERATORS,
    } <= set(paths)
    assert all(path.startswith(BELOW) for path in paths)
    for path, operations in paths.items():
        for operation in operations.values():
            answers = [it["content"] for status, it in operation["responses"].items() if status.startswith("2")]
            assert answers
            if path.endswith(".csv"):
                assert all(set(it) == {"text/csv"} for it in answers)
            else:
                assert all("$ref" in it["application/json"]["schema"] for it in answers)


def test_what_operators_change_says_who_why_and_which_request_it_is(settings: Settings) -> None:
    document = create_app(settings).openapi()
    written = [
        operation for path in OPERATORS for method, operation in document["paths"][path].items() if method != "get"
    ]
    assert len(written) >= len(OPERATORS)
    for operation in written:
        assert ("Idempotency-Key", True) in {(it["name"].title(), it["required"]) for it in operation["parameters"]}
        body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert {"actor", "reason"} <= set(document["components"]["schemas"][body]["required"])


def test_the_settings_are_read_from_variables_of_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLIT_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("SPLIT_MONGO_URL", "mongodb://mongo")
    found = load(Settings)
    assert (found.kafka_bootstrap, found.mongo_database) == ("kafka:9092", "split")
