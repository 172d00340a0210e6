"""An account is under one product for ever; one that nobody opened is direct from its first use."""

import pytest
from tests.sandbox.asking import ACCOUNT, Customer, payout

from sandbox.app import create_app
from sandbox.settings import Settings
from shared.profiles import shipped


async def opened(customer: Customer, profile: str) -> tuple[int, str]:
    answer = await customer.client.put(ACCOUNT, json={"profile": profile})
    said = answer.json()
    return answer.status_code, said.get("reason", said.get("profile"))


@pytest.mark.parametrize("profile", [it.name for it in shipped()])
async def test_every_product_can_be_opened_once_and_again(customer: Customer, profile: str) -> None:
    assert await opened(customer, profile) == (200, profile)
    assert await opened(customer, profile) == (200, profile)
    other = "stripe-connect" if profile != "stripe-connect" else "sandbox-direct"
    assert await opened(customer, other) == (409, "profile_differs")
    shown = (await customer.client.get(ACCOUNT)).json()
    assert (shown["profile"], shown["opened"]) == (profile, True)


async def test_a_product_that_nobody_has_is_refused(customer: Customer) -> None:
    assert await opened(customer, "sandbox") == (422, "profile_unknown")
    assert (await customer.client.get(ACCOUNT)).json()["opened"] is False


async def test_an_account_that_was_used_is_direct(customer: Customer) -> None:
    await customer.pay("p1", 10)
    assert await opened(customer, "stripe-connect") == (409, "profile_differs")
    assert await customer.ask(payout("n1", 10)) == [("succeeded", None)]


async def test_a_restart_keeps_the_product(customer: Customer, settings: Settings) -> None:
    await customer.open("pingan-witness")
    again = create_app(settings)
    async with again.router.lifespan_context(again):
        assert (await customer.client.get(ACCOUNT)).json()["profile"] == "pingan-witness"
    assert await opened(customer, "sandbox-direct") == (409, "profile_differs")


async def test_a_merchant_binds_no_more_receivers_than_its_product_allows(
    customer: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await customer.open("wechat-ecommerce")
    monkeypatch.setattr("sandbox.store.frozen.bound_count", lambda *_: 20_000)
    body = {"receivers": [{"receiver": "merchant:a", "merchant": "shop"}]}
    answer = await customer.client.post("receivers/bind", json=body)
    assert (answer.status_code, answer.json()["reason"]) == (409, "too_many_receivers")


async def test_a_payment_of_an_earlier_time_can_be_repeated_and_needs_its_zone(customer: Customer) -> None:
    for _ in range(2):
        await customer.pay("p1", 10, paid_at="2026-01-05T08:00:00.123456+08:00", merchant="shop", split=False)
    naive = {"payment_id": "p2", "amount_minor": 1, "currency": "CNY", "paid_at": "2026-01-05T08:00:00"}
    assert (await customer.client.post("payments", json={"payments": [naive]})).status_code == 422
    found = (await customer.post("payments/query", {"payment_ids": ["p1"]}))["payments"]
    assert [it["merchant"] for it in found] == ["shop"]
