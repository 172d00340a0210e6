"""The sandbox institution's own news over HTTP: what is sent, what is read, and what is no answer."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from tests.payments.domain.test_bindings import binding

from payments.channels.port import NotSentError
from payments.channels.source import SandboxSource
from payments.domain.bindings import Said

type Answering = Callable[[httpx.Request], httpx.Response]


class Wire:
    """Remembers what was asked, and answers as the test says."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answer: Answering = lambda _: httpx.Response(200, json={})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def source(wire: Wire) -> AsyncIterator[SandboxSource]:
    it = SandboxSource("http://institution", 1.0, httpx.MockTransport(wire))
    yield it
    await it.close()


async def test_movements_are_read_behind_a_cursor(wire: Wire, source: SandboxSource) -> None:
    moved = {
        "movement_id": "cb-1",
        "kind": "chargeback",
        "payment_id": "p-1",
        "currency": "CNY",
        "amount_minor": 500,
        "moved_at": "2026-03-01T12:00:00Z",
        "pool_minor": -500,
    }
    wire.answer = lambda _: httpx.Response(200, json={"movements": [moved], "next_cursor": "7"})
    page = await source.movements("a/b", "", 10)
    await source.movements("a", "7", 10)
    assert (page.movements[0].movement_id, page.next_cursor) == ("cb-1", "7")
    assert [str(it.url) for it in wire.asked] == [
        "http://institution/v1/accounts/a%2Fb/movements?limit=10",
        "http://institution/v1/accounts/a/movements?limit=10&cursor=7",
    ]


async def test_what_the_institution_does_not_know_is_left_out(wire: Wire, source: SandboxSource) -> None:
    transfers = [{"number": "N1", "state": "succeeded", "of": "p-1"}, {"number": "N2", "state": "not_found"}]
    wire.answer = lambda _: httpx.Response(200, json={"transfers": transfers})
    found = await source.standings("a", ["N1", "N2"])
    assert {number: it.of for number, it in found.items()} == {"N1": "p-1"}
    payments = [{"payment_id": "p-1", "state": "succeeded"}, {"payment_id": "p-2", "state": "not_found"}]
    wire.answer = lambda _: httpx.Response(200, json={"payments": payments})
    assert await source.paid("a", ["p-1", "p-2"]) == {"p-1"}
    bindings = [{"number": "N1", "state": "verifying"}, {"number": "N2", "state": "not_found"}]
    wire.answer = lambda _: httpx.Response(200, json={"bindings": bindings})
    assert await source.bindings("a", ["N1", "N2"]) == {"N1": Said("verifying")}


async def test_a_binding_is_sent_with_the_number_of_the_bank_account(wire: Wire, source: SandboxSource) -> None:
    wire.answer = lambda _: httpx.Response(200, json={"number": "N", "state": "verifying"})
    assert await source.bind("a", binding(), "62220200") == Said("verifying")
    assert await source.verify("a", "N", "17") == Said("verifying")
    first, second = wire.asked
    assert json.loads(first.content) == {
        "number": "N",
        "merchant": "acme",
        "name": "Acme",
        "bank_account": "62220200",
        "method": "micro_deposit",
    }
    assert (second.url.path, json.loads(second.content)) == ("/v1/accounts/a/bindings/N/verify", {"answer": "17"})


async def test_a_no_of_the_institution_is_a_failed_binding_in_its_own_words(wire: Wire, source: SandboxSource) -> None:
    wire.answer = lambda _: httpx.Response(409, json={"reason": "number_reused"})
    assert await source.bind("a", binding(), "62220200") == Said("failed", "number_reused")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, json={"reason": "unavailable"}),
        httpx.Response(429),
        httpx.Response(500, text="6222020000000004711"),
        httpx.Response(404, text="no JSON"),
        httpx.Response(200, text="no JSON"),
        httpx.Response(200, json={"number": "N", "state": "perhaps"}),
        httpx.Response(200, content=b"[" * 100_000),
    ],
)
async def test_what_is_no_answer_is_asked_again_and_not_repeated_in_the_error(
    wire: Wire, source: SandboxSource, answer: httpx.Response
) -> None:
    wire.answer = lambda _: answer
    with pytest.raises(NotSentError) as found:
        await source.bind("a", binding(), "6222020000000004711")
    assert "6222020000000004711" not in str(found.value)
