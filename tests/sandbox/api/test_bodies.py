"""What is wrong with a request is its sender's to know: a clear 4xx in problem+json, and nothing done."""

import json
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.infra

PAYOUT = {"number": "n1", "kind": "payout", "receiver": "merchant:a", "currency": "CNY", "amount_minor": 1}
PAYMENT = {"payment_id": "p1", "amount_minor": 1, "currency": "CNY"}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "body_not_json"),
        (b"{", 400, "body_not_json"),
        (b'{"transfers": [\xff]}', 400, "body_not_json"),
        (b'{"transfers": [{"number": "\xff"}]}', 400, "body_not_json"),
        (b'{"x":' + b"[" * 100_000, 400, "body_not_json"),
        (b"[]", 422, "body_invalid"),
        (b"{}", 422, "body_invalid"),
        (b'{"transfers": null}', 422, "body_invalid"),
        (b'{"transfers": [1]}', 422, "body_invalid"),
        (b" " * 1_048_577, 413, "body_too_large"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_that_cannot_be_read_is_refused(
    body: bytes, status: int, reason: str, institution: httpx.AsyncClient
) -> None:
    answer = await institution.post("transfers", content=body)
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_minor": -1},
        {"amount_minor": 1.5},
        {"amount_minor": "1"},
        {"amount_minor": True},
        {"amount_minor": 10**13 + 1},
        {"amount_minor": 10**30},
        {"currency": "cny"},
        {"currency": "CNY\n"},
        {"number": ""},
        {"number": "a/b"},
        {"number": "x" * 65},
        {"number": "a\u0000b"},
        {"number": None},
        {"kind": "gift"},
        {"receiver": "merchant:a/b"},
    ],
    ids=str,
)
async def test_a_wrong_field_is_named(wrong: dict[str, Any], institution: httpx.AsyncClient) -> None:
    answer = await institution.post("transfers", json={"transfers": [PAYOUT, PAYOUT | wrong]})
    assert (answer.status_code, answer.json()["reason"]) == (422, "body_invalid")
    assert f"$.transfers[1].{next(iter(wrong))}" in answer.json()["detail"]
    assert (await institution.get("transfers")).json()["transfers"] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("payments", {"payments": [PAYMENT] * 1001}),
        ("payments/query", {"payment_ids": ["p1"] * 1001}),
        ("transfers", {"transfers": [PAYOUT] * 1001}),
        ("transfers/query", {"numbers": ["n1"] * 1001}),
    ],
)
async def test_more_than_a_thousand_items_are_refused(
    path: str, body: dict[str, object], institution: httpx.AsyncClient
) -> None:
    answer = await institution.post(path, json=body)
    assert answer.status_code == 422
    assert "1000" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["payments", "payments/query", "transfers", "transfers/query"])
async def test_nothing_asked_is_nothing_done(path: str, institution: httpx.AsyncClient) -> None:
    field = {"payments/query": "payment_ids", "transfers/query": "numbers"}.get(path, path)
    answer = await institution.post(path, json={field: []})
    assert (answer.status_code, answer.json()) == (200, {path.split("/", maxsplit=1)[0]: []})


@pytest.mark.parametrize("account", ["a" * 65, "a%20b", "a%00b", "caf%C3%A9"])
@pytest.mark.parametrize("path", ["balances", "faults", "payments"])
async def test_an_account_of_another_shape_is_refused(account: str, path: str, institution: httpx.AsyncClient) -> None:
    answer = await institution.get(f"http://institution/v1/accounts/{account}/{path}")
    assert (answer.status_code, answer.json()["reason"]) == (422, "parameter_invalid")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=%00", "cursor=" + "x" * 161])
async def test_a_page_that_cannot_be_is_refused(query: str, institution: httpx.AsyncClient) -> None:
    assert (await institution.get(f"transfers?{query}")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nothing", 404), ("GET", "http://institution/", 404), ("DELETE", "payments", 405)],
)
async def test_an_unknown_route_is_a_problem_too(
    method: str, path: str, status: int, institution: httpx.AsyncClient
) -> None:
    answer = await institution.request(method, path)
    assert answer.status_code == status
    assert answer.json()["status"] == status


async def test_the_openapi_document_resolves_every_body(institution: httpx.AsyncClient) -> None:
    document = (await institution.get("http://institution/openapi.json")).json()
    named = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert {"TransferBatch", "Faults", "Payment"} <= named
    assert named <= set(document["components"]["schemas"])
