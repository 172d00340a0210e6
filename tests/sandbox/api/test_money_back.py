"""Money that comes back over HTTP: returns, advances and refunds, what stops them, and a file of an older version."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx
from tests.sandbox.api.test_movements import ask, pay, payment, payout, pockets, received, transfer

from sandbox.app import create_app
from sandbox.settings import Settings

SHOP = "merchant:shop"


def moved(kind: str, number: str, amount_minor: int, of: str | None = None, **others: Any) -> dict[str, Any]:  # noqa: ANN401 - a request's JSON
    said = {"number": number, "kind": kind, "currency": "CNY", "amount_minor": amount_minor}
    return said | ({"of": of} if of else {}) | others


async def test_a_refund_is_paid_by_what_receivers_give_back_and_the_platform_advances(
    institution: httpx.AsyncClient,
) -> None:
    await pay(institution, payment("p1", 100))
    await transfer(institution, payout("n1", 100))
    fund = {"fund_id": "f1", "pocket": "platform:advance", "currency": "CNY", "amount_minor": 20}
    assert (await institution.post("funds", json=fund)).status_code == 200
    back = moved("return", "r1", 70, "n1", receiver=SHOP)
    answers = await transfer(
        institution, back, moved("advance", "a1", 20), moved("refund", "b1", 90, "p1", receiver="buyer")
    )
    assert [it["state"] for it in answers] == ["succeeded"] * 3
    assert await pockets(institution) == {"pool": 0, "platform:advance": 0}
    assert await received(institution) == {SHOP: 30}
    again = await transfer(institution, moved("return", "r2", 31, "n1", receiver=SHOP))
    assert again[0]["reason"] == "return_above_paid"
    found = await ask(institution, "b1", "a1")
    assert [(it["kind"], it.get("of")) for it in found] == [("refund", "p1"), ("advance", None)]


async def test_a_refund_that_stays_accepted_stands_in_transit_until_that_is_switched_off(
    institution: httpx.AsyncClient,
) -> None:
    await pay(institution, payment("p1", 100))
    stuck = {"operations": ["transfers"], "kinds": ["refund"], "accept_only": True, "stay_accepted": True}
    await institution.put("faults", json=stuck)
    answers = await transfer(institution, moved("refund", "b1", 60, "p1", receiver="buyer"), payout("n1", 40))
    assert [it["state"] for it in answers] == ["accepted", "succeeded"]
    assert [it["state"] for it in await ask(institution, "b1")] == ["accepted"]
    assert await pockets(institution) == {"pool": 0, "in_transit": 60}
    await institution.delete("faults")
    assert [it["state"] for it in await ask(institution, "b1")] == ["succeeded"]
    assert await pockets(institution) == {"pool": 0, "in_transit": 0}


async def test_a_fault_of_one_kind_hits_the_requests_that_have_it(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await institution.put("faults", json={"kinds": ["refund"], "answer": "unavailable"})
    refund = {"transfers": [moved("refund", "b1", 1, "p1", receiver="buyer")]}
    assert (await institution.post("transfers", json=refund)).status_code == 503
    assert [it["state"] for it in await transfer(institution, payout("n1", 1))] == ["succeeded"]
    assert [it["state"] for it in await ask(institution, "b1")] == ["not_found"]
    assert [it["state"] for it in await pay(institution, payment("p2", 1))] == ["succeeded"]


async def test_the_buyers_bank_may_send_a_refund_back(institution: httpx.AsyncClient) -> None:
    await pay(institution, payment("p1", 100))
    await transfer(institution, moved("refund", "b1", 60, "p1", receiver="buyer"))
    for _ in range(2):
        await institution.post("returns", json={"numbers": ["b1"], "reason": "closed"})
        assert [it["state"] for it in await ask(institution, "b1")] == ["returned"]
        assert await pockets(institution) == {"pool": 100}
    again = await transfer(institution, moved("refund", "b2", 100, "p1", receiver="buyer"))
    assert again[0]["state"] == "succeeded"


OLD = (
    """CREATE TABLE transfers (account TEXT NOT NULL, number TEXT NOT NULL, kind TEXT NOT NULL, receiver TEXT NOT NULL,
    currency TEXT NOT NULL, amount_minor INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,
    executed_at_ms INTEGER, at_ms INTEGER NOT NULL, PRIMARY KEY (account, number)) STRICT""",
    "INSERT INTO transfers VALUES ('acc', 'n1', 'payout', 'merchant:shop', 'CNY', 7, 'succeeded', NULL, 1, 1)",
)


async def test_a_file_of_an_older_version_is_opened_and_goes_on(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.database, autocommit=True)) as old:
        for statement in OLD:
            old.execute(statement)
    for _ in range(2):
        app = create_app(settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bank/v1/accounts/acc/") as client,
        ):
            assert [it["amount_minor"] for it in await ask(client, "n1")] == [7]
            answers = await transfer(client, moved("return", "r1", 7, "n1", receiver=SHOP))
            assert [it["state"] for it in answers] == ["succeeded"]
