"""A merchant's bank account is bound once it has proved that it is the merchant's."""

from typing import Any

import pytest
from tests.sandbox.asking import Customer, payout

PINGAN = "pingan-witness"
EQING = "touronghui-eqingsuan"


def binding(number: str, method: str, bank_account: str = "6222000011112222") -> dict[str, Any]:
    return {"number": number, "merchant": "shop", "name": "Shop", "bank_account": bank_account, "method": method}


async def told(customer: Customer, path: str, body: dict[str, Any]) -> tuple[str, str | None]:
    it = await customer.post(f"bindings{path}", body)
    return it["state"], it["reason"]


async def sent(customer: Customer, number: str) -> str:
    return str((await customer.client.get(f"bindings/{number}/sent")).json()["answer"])


@pytest.mark.parametrize("method", ["micro_deposit", "code"])
async def test_who_says_what_was_sent_is_bound(customer: Customer, method: str) -> None:
    await customer.open(PINGAN)
    assert await told(customer, "", binding("b1", method)) == ("verifying", None)
    answer = await sent(customer, "b1")
    if method == "micro_deposit":
        assert 1 <= int(answer) <= 50
    assert await told(customer, "/b1/verify", {"answer": answer}) == ("succeeded", None)
    assert await told(customer, "", binding("b1", method)) == ("succeeded", None)
    found = (await customer.post("bindings/query", {"numbers": ["b1", "b9"]}))["bindings"]
    assert [it["state"] for it in found] == ["succeeded", "not_found"]


async def test_the_third_mistake_is_the_last(customer: Customer) -> None:
    await customer.open(PINGAN)
    await told(customer, "", binding("b1", "code"))
    for state in ("verifying", "verifying", "failed"):
        assert await told(customer, "/b1/verify", {"answer": "no"}) == (state, "answer_wrong")
    answer = await sent(customer, "b1")
    assert await told(customer, "/b1/verify", {"answer": answer}) == ("failed", "answer_wrong")


async def test_a_code_is_valid_for_two_minutes(customer: Customer) -> None:
    await customer.open(PINGAN)
    await told(customer, "", binding("b1", "code"))
    await customer.ahead(seconds=122)
    answer = await sent(customer, "b1")
    assert await told(customer, "/b1/verify", {"answer": answer}) == ("failed", "code_expired")


@pytest.mark.parametrize(("profile", "method"), [(EQING, "micro_deposit"), (PINGAN, "none")])
async def test_a_product_verifies_in_its_own_way(customer: Customer, profile: str, method: str) -> None:
    await customer.open(profile)
    assert await told(customer, "", binding("b1", method)) == ("failed", "operation_unknown")


async def test_a_bound_merchant_is_paid_where_a_real_account_is_needed(customer: Customer) -> None:
    await customer.open(EQING)
    await customer.pay("p1", 100)
    assert await customer.ask(payout("n1", 1, "merchant:shop")) == [("failed", "receiver_not_bound")]
    await told(customer, "", binding("b1", "code"))
    await told(customer, "/b1/verify", {"answer": await sent(customer, "b1")})
    assert await customer.ask(payout("n2", 1, "merchant:shop")) == [("succeeded", None)]


async def test_a_bank_may_say_no_and_a_number_means_one_binding(customer: Customer) -> None:
    await customer.open("stripe-connect")
    await customer.client.put("faults", json={"fail_bindings": {"1234": "name_mismatch"}})
    assert await told(customer, "", binding("b1", "none", "1234")) == ("failed", "name_mismatch")
    assert await told(customer, "", binding("b2", "none")) == ("succeeded", None)
    answer = await customer.client.post("bindings", json=binding("b2", "none", "999"))
    assert (answer.status_code, answer.json()["reason"]) == (409, "number_reused")
    assert (await customer.client.post("bindings/b9/verify", json={"answer": ""})).status_code == 404
