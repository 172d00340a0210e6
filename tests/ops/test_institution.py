"""Talking to the institution as buyers and auditors do, against the sandbox's own application rules."""

import json
from typing import Any

import httpx
import msgspec
import pytest

from ops.institution import ITEMS_MAX, Institution, InstitutionError
from shared.messages import ChannelPayment


def payment(number: int, amount: int = 100) -> tuple[ChannelPayment, str]:
    return ChannelPayment(
        channel_profile="sandbox-direct",
        channel_account="a",
        channel_payment_id=f"p{number}",
        amount_minor=amount,
        fee_minor=1,
    ), "CNY"


def bank(seen: list[httpx.Request], answers: list[httpx.Response]) -> Institution:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answers[len(seen) - 1]

    return Institution("http://bank", httpx.MockTransport(answer))


def taken(payments: list[dict[str, Any]]) -> httpx.Response:
    return httpx.Response(200, json={"payments": payments})


async def test_payments_go_in_batches_and_those_of_nothing_are_not_paid() -> None:
    seen: list[httpx.Request] = []
    async with bank(seen, [taken([]), taken([])]) as institution:
        await institution.pay("a", [payment(number) for number in range(ITEMS_MAX + 1)] + [payment(-1, amount=0)])
    bodies = [json.loads(request.content)["payments"] for request in seen]
    assert [len(body) for body in bodies] == [ITEMS_MAX, 1]
    assert bodies[1] == [{"payment_id": f"p{ITEMS_MAX}", "amount_minor": 100, "currency": "CNY", "fee_minor": 1}]


async def test_a_refused_payment_is_an_error_that_names_it() -> None:
    refused = {"payment_id": "p1", "state": "refused", "reason": "payment_differs"}
    async with bank([], [taken([refused])]) as institution:
        with pytest.raises(InstitutionError, match="p1: payment_differs"):
            await institution.pay("a", [payment(1)])


async def test_a_record_is_read_page_by_page_to_its_end() -> None:
    seen: list[httpx.Request] = []
    pages = [
        httpx.Response(200, json={"transfers": [{"number": "1"}, {"number": "2"}], "next_cursor": "2"}),
        httpx.Response(200, json={"transfers": [{"number": "3"}]}),
    ]
    async with bank(seen, pages) as institution:
        assert [it["number"] async for it in institution.transfers("a")] == ["1", "2", "3"]
    assert [request.url.params.get("cursor") for request in seen] == [None, "2"]


async def test_an_account_with_odd_characters_stays_one_part_of_the_path() -> None:
    seen: list[httpx.Request] = []
    async with bank(seen, [httpx.Response(200, json={"pockets": []})]) as institution:
        assert await institution.balances("a?b#c") == []
    assert seen[0].url.raw_path == b"/v1/accounts/a%3Fb%23c/balances"


async def test_an_institution_that_fails_is_named_with_what_it_said() -> None:
    async with bank([], [httpx.Response(503, text="busy")]) as institution:
        with pytest.raises(InstitutionError, match="503: busy"):
            await institution.balances("a")


async def test_an_account_is_opened_under_a_product_and_a_payment_names_who_collects_it() -> None:
    seen: list[httpx.Request] = []
    collected, currency = payment(1)
    async with bank(seen, [httpx.Response(200, json={}), taken([])]) as institution:
        await institution.open("a/b", "wechat-ecommerce")
        await institution.pay("a", [(msgspec.structs.replace(collected, merchant="shop"), currency)])
    assert (seen[0].method, seen[0].url.raw_path) == ("PUT", b"/v1/accounts/a%2Fb")
    assert json.loads(seen[0].content) == {"profile": "wechat-ecommerce"}
    assert [it["merchant"] for it in json.loads(seen[1].content)["payments"]] == ["shop"]
