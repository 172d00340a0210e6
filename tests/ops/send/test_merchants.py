"""Agreeing with merchants through the merchant service."""

import json
from collections.abc import Callable

import httpx
import pytest

from merchant.api.bodies import MerchantItems
from ops import olist, sample
from ops.send.merchants import MERCHANTS_PER_REQUEST, MerchantError, ensure

Answer = Callable[[httpx.Request], httpx.Response]


def service(seen: list[httpx.Request], status: int = 200) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(status, json={"merchants": [], "detail": "effective_from_taken"})

    return httpx.MockTransport(answer)


async def test_merchants_go_in_batches_each_to_its_marketplace() -> None:
    seen: list[httpx.Request] = []
    drafts = [olist.seller("olist", f"s{number}") for number in range(MERCHANTS_PER_REQUEST + 1)]
    drafts += [olist.seller("demo-x", "s0")]
    assert await ensure("http://merchant", drafts, service(seen)) == len(drafts)
    assert [request.url.path for request in seen] == [
        "/v1/marketplaces/olist/merchants:batch",
        "/v1/marketplaces/olist/merchants:batch",
        "/v1/marketplaces/demo-x/merchants:batch",
    ]


async def test_every_agreement_that_is_sent_is_one_that_the_merchant_service_takes() -> None:
    seen: list[httpx.Request] = []
    await ensure("http://merchant", [*sample.merchants("demo-x"), olist.seller("demo-x", "s")], service(seen))
    taken = MerchantItems.model_validate_json(seen[0].content)
    agreements = {it.merchant: it.agreement for it in taken.merchants}
    seller = agreements["s"]
    assert seller is not None
    assert (seller.commission_bp, seller.trigger, seller.refund_bearer) == (1_200, "paid", "original_payee")
    assert len(agreements) == len(json.loads(seen[0].content)["merchants"])


async def test_a_refused_merchant_is_an_error_that_says_why() -> None:
    with pytest.raises(MerchantError, match=r"409.*effective_from_taken"):
        await ensure("http://merchant", [olist.seller("olist", "s")], service([], status=409))


async def test_a_service_that_does_not_answer_is_named() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        message = "refused"
        raise httpx.ConnectError(message, request=request)

    with pytest.raises(MerchantError, match="http://merchant does not answer"):
        await ensure("http://merchant", [olist.seller("olist", "s")], httpx.MockTransport(refuse))
