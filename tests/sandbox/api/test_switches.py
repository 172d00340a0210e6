"""Faults can be seen, changed and taken away; a restart does not mend them. And what tells that it lives."""

import asyncio
import sqlite3
from contextlib import closing

import httpx
import pytest

from sandbox.app import create_app
from sandbox.settings import Settings
from sandbox.store import connection


@pytest.fixture(autouse=True)
def nobody_waits_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOCK_TIMEOUT_S", 0.05)


CLOSED = {"operations": ["payments/query"], "answer": "unavailable", "remaining": 3}


async def test_faults_are_shown_as_they_stand(institution: httpx.AsyncClient) -> None:
    switched = await institution.put("faults", json=CLOSED)
    assert switched.json() == (await institution.get("faults")).json()
    await institution.post("payments/query", json={"payment_ids": ["p1"]})
    assert (await institution.get("faults")).json()["remaining"] == 2


async def test_faults_that_are_removed_hit_nothing(institution: httpx.AsyncClient) -> None:
    await institution.put("faults", json=CLOSED)
    assert (await institution.delete("faults")).status_code == 204
    assert (await institution.get("faults")).json()["answer"] == "normal"
    assert (await institution.post("payments/query", json={"payment_ids": []})).status_code == 200


async def test_faults_hit_one_account_only(institution: httpx.AsyncClient) -> None:
    await institution.put("faults", json=CLOSED)
    other = await institution.post("http://institution/v1/accounts/other/payments/query", json={"payment_ids": []})
    assert other.status_code == 200


async def test_requests_at_the_same_time_use_up_exactly_what_remains(institution: httpx.AsyncClient) -> None:
    await institution.put("faults", json=CLOSED)
    asked = (institution.post("payments/query", json={"payment_ids": []}) for _ in range(8))
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [503] * 3


async def test_a_misspelt_fault_is_refused(institution: httpx.AsyncClient) -> None:
    answer = await institution.put("faults", json={"anwser": "unavailable"})
    assert answer.status_code == 422
    assert "anwser" in answer.json()["detail"]


async def test_a_bank_returns_a_payout_once_and_the_pool_has_it_again(institution: httpx.AsyncClient) -> None:
    payment = {"payment_id": "p1", "amount_minor": 500, "currency": "CNY"}
    await institution.post("payments", json={"payments": [payment]})
    transfer = {"number": "n1", "kind": "payout", "receiver": "merchant:shop", "currency": "CNY", "amount_minor": 300}
    await institution.post("transfers", json={"transfers": [transfer]})
    for _ in range(2):
        answer = await institution.post("returns", json={"numbers": ["n1", "n2"], "reason": "ACCOUNT_CLOSED"})
        told = [(it["number"], it["state"], it.get("reason")) for it in answer.json()["transfers"]]
        assert told == [("n1", "returned", "ACCOUNT_CLOSED"), ("n2", "not_found", None)]
        (pool,) = (await institution.get("balances")).json()["pockets"]
        assert (pool["pocket"], pool["balance_minor"]) == ("pool", 500)
        assert (await institution.get("receivers")).json()["receivers"] == []
    found = await institution.post("transfers/query", json={"numbers": ["n1"]})
    assert found.json()["transfers"][0]["state"] == "returned"


async def test_faults_outlive_the_process(institution: httpx.AsyncClient, settings: Settings) -> None:
    await institution.put("faults", json=CLOSED)
    again = create_app(settings)
    async with (
        again.router.lifespan_context(again),
        httpx.AsyncClient(transport=httpx.ASGITransport(again), base_url="http://institution") as client,
    ):
        answer = await client.post("/v1/accounts/acc/payments/query", json={"payment_ids": []})
    assert answer.status_code == 503


async def test_the_institution_tells_that_it_lives_and_is_ready(institution: httpx.AsyncClient) -> None:
    assert (await institution.get("http://institution/livez")).status_code == 200
    assert (await institution.get("http://institution/readyz")).status_code == 200


async def test_without_its_file_the_institution_lives_but_is_not_ready(
    institution: httpx.AsyncClient, settings: Settings
) -> None:
    paid = {"payments": [{"payment_id": "p1", "amount_minor": 5, "currency": "CNY"}]}
    with closing(sqlite3.connect(settings.database, autocommit=True)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await institution.get("http://institution/livez")).status_code == 200
        said = (await institution.get("http://institution/readyz")).json()
        assert (said["status"], said["reason"]) == (503, "store_unavailable")
        assert said["detail"] == "the institution's books cannot be locked for writing"
        refused = await institution.post("payments", json=paid)
        assert (refused.status_code, refused.json()["reason"]) == (503, "store_unavailable")
        asked = await institution.post("payments/query", json={"payment_ids": ["p1"]})
        assert asked.json()["payments"][0]["state"] == "not_found"
    assert (await institution.get("http://institution/readyz")).status_code == 200
    assert (await institution.post("payments", json=paid)).json()["payments"][0]["state"] == "succeeded"
