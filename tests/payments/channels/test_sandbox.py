"""How each way of not answering is told apart: what was certainly not done, and what may have been."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import httpx
import msgspec
import pytest

from payments.channels.port import NotSentError, RateLimitedError, UnansweredError
from payments.channels.requests import requests
from payments.channels.sandbox import SandboxChannel
from payments.domain.instructions import Instruction
from payments.domain.outcomes import Answer
from payments.domain.proof import ChannelRecord
from shared.profiles import shipped

LEG = Instruction("N1", "payout", "merchant:alice", 100, "EUR", "sending")

type Respond = Callable[[httpx.Request], httpx.Response]


def channel(respond: Respond) -> SandboxChannel:
    return SandboxChannel("http://institution", 1, httpx.MockTransport(respond))


def answering(body: object, status: int = 200) -> SandboxChannel:
    return channel(lambda _: httpx.Response(status, json=body))


def failing(error: type[httpx.TransportError]) -> SandboxChannel:
    def respond(request: httpx.Request) -> httpx.Response:
        raise error(request.method, request=request)

    return channel(respond)


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
async def test_without_a_connection_nothing_was_sent(error: type[httpx.TransportError]) -> None:
    with pytest.raises(NotSentError):
        await failing(error).carry_out("acc", [LEG])


@pytest.mark.parametrize(
    "error", [httpx.ReadTimeout, httpx.WriteTimeout, httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError]
)
async def test_after_the_first_byte_silence_is_unknown(error: type[httpx.TransportError]) -> None:
    with pytest.raises(UnansweredError):
        await failing(error).carry_out("acc", [LEG])


@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 503])
async def test_a_refusal_before_execution_is_not_unknown(status: int) -> None:
    with pytest.raises(NotSentError, match=str(status)):
        await answering({"reason": "why"}, status).carry_out("acc", [LEG])


@pytest.mark.parametrize(
    ("said", "after_s"), [("2", 2.0), ("", 1.0), ("soon", 1.0), ("nan", 1.0), ("1e9", 60.0), ("-1", 0.0)]
)
async def test_an_institution_asked_too_often_says_when_it_may_be_asked_again(said: str, after_s: float) -> None:
    asked = channel(lambda _: httpx.Response(429, headers={"retry-after": said} if said else {}))
    with pytest.raises(RateLimitedError) as caught:
        await asked.carry_out("acc", [LEG])
    assert caught.value.after_s == after_s


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_failure_inside_the_institution_is_unknown(status: int) -> None:
    with pytest.raises(UnansweredError):
        await answering({}, status).carry_out("acc", [LEG])


@pytest.mark.parametrize("body", [[], {}, {"transfers": [{"number": "N1", "state": "perhaps"}]}, {"transfers": 1}])
async def test_an_answer_that_is_not_understood_is_unknown(body: object) -> None:
    with pytest.raises(UnansweredError):
        await answering(body).carry_out("acc", [LEG])


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ({"state": "succeeded"}, Answer("succeeded")),
        ({"state": "accepted"}, Answer("accepted")),
        ({"state": "failed", "reason": "ACCOUNT_ABNORMAL"}, Answer("failed", "ACCOUNT_ABNORMAL")),
        ({"state": "refused", "reason": "receiver_unknown"}, Answer("failed", "receiver_unknown")),
        ({"state": "refused", "reason": "number_reused"}, Answer("unknown", "number_reused")),
        ({"state": "failed", "reason": "a\nb\u4e2d"}, Answer("failed", "a?b?")),
        ({"state": "failed", "reason": "x" * 300}, Answer("failed", "x" * 128)),
    ],
)
async def test_each_answer_to_a_transfer_is_understood(said: dict[str, Any], understood: Answer) -> None:
    assert await answering({"transfers": [{"number": "N1", **said}]}).carry_out("acc", [LEG]) == {"N1": understood}


async def test_a_number_left_out_of_the_answer_is_unknown_or_asked_again() -> None:
    silent = answering({"transfers": []})
    assert await silent.carry_out("acc", [LEG]) == {"N1": Answer("unknown")}
    assert await silent.query("acc", [LEG]) == {"N1": Answer("unknown")}


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        ({"state": "not_found"}, None),
        ({"state": "succeeded", "amount_minor": 100}, Answer("succeeded")),
        ({"state": "succeeded", "amount_minor": 101}, Answer("unknown", "number_reused")),
    ],
)
async def test_a_number_is_this_leg_only_with_its_receiver_and_amount(
    said: dict[str, Any], understood: Answer | None
) -> None:
    found = {"number": "N1", "receiver": "merchant:alice", "currency": "EUR", **said}
    assert await answering({"transfers": [found]}).query("acc", [LEG]) == {"N1": understood}


@pytest.mark.parametrize(
    ("of", "understood"),
    [
        ("P1", Answer("succeeded")),
        ("P2", Answer("unknown", "number_reused")),
        (None, Answer("unknown", "number_reused")),
    ],
)
async def test_what_a_transfer_is_of_is_sent_where_there_is_such_and_compared(
    of: str | None, understood: Answer
) -> None:
    back = msgspec.structs.replace(LEG, kind="return", of="P1")
    body = {"receiver": "merchant:alice", "currency": "EUR", "amount_minor": 100}

    def respond(request: httpx.Request) -> httpx.Response:
        sent = json.loads(request.content).get("transfers")
        if sent is not None:
            wire = {"number": "N1", **body}
            assert sent == [wire | {"kind": "payout"}, wire | {"kind": "return", "of": "P1"}]
        found = {"number": "N1", "state": "succeeded", **body}
        return httpx.Response(200, json={"transfers": [found | ({"of": of} if of else {})]})

    await channel(respond).carry_out("acc", [LEG, back])
    assert await channel(respond).query("acc", [back]) == {"N1": understood}


async def test_payments_are_asked_for_by_their_numbers_and_the_account_is_quoted() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/v1/accounts/a%3F%23b/payments/query"
        asked = json.loads(request.content)["payment_ids"]
        known = {"payment_id": "p1", "state": "succeeded", "amount_minor": 5, "currency": "EUR", "fee_minor": 1}
        return httpx.Response(200, json={"payments": [known, {"payment_id": asked[1], "state": "not_found"}]})

    found = await channel(respond).find_payments("a?#b", ["p1", "p2"])
    assert found == {"p1": ChannelRecord(amount_minor=5, currency="EUR", fee_minor=1), "p2": None}


async def test_an_institution_under_a_profile_is_told_it_and_speaks_its_words() -> None:
    """What a profile calls a number that stands for something else is not a failure: that something may be paid."""
    sent: list[dict[str, Any]] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        said = [{"number": "N1", "state": "refused", "reason": sent[-1].get("profile") and "INVALID_REQUEST"}]
        return httpx.Response(200, json={"transfers": said})

    direct = channel(respond)
    wechat = direct.under("wechat-profit-sharing")
    assert await wechat.carry_out("acc", [LEG]) == {"N1": Answer("unknown", "INVALID_REQUEST")}
    assert await direct.under("sandbox-direct").carry_out("acc", [LEG]) == {"N1": Answer("failed")}
    assert [it.get("profile") for it in sent] == ["wechat-profit-sharing", None]


def legs_of(payment: str, *receivers: str) -> list[Instruction]:
    return [
        Instruction(f"{payment}-{number}", "payout", f"merchant:{name}", 100, "CNY", "sending", payment)
        for number, name in enumerate(receivers)
    ]


def test_no_request_has_more_legs_of_a_payment_than_its_profile_takes_or_a_receiver_twice() -> None:
    many = [str(number) for number in range(51)]
    found = list(requests(shipped().find("wechat-profit-sharing"), [*legs_of("p", *many), *legs_of("q", "a", "b")]))
    assert [len(it) for it in found] == [50, 3]
    twice = list(requests(shipped().find("wechat-profit-sharing"), legs_of("p", "a", "b", "a")))
    assert [[it.receiver for it in some] for some in twice] == [["merchant:a", "merchant:b"], ["merchant:a"]]
    assert [len(it) for it in requests(shipped().find("alipay-split-sync"), legs_of("p", *"abcdef"))] == [5, 1]
    assert len(list(requests(shipped().find("wechat-profit-sharing"), [*legs_of("p", "a"), *legs_of("q", "a")]))) == 1
    assert len(list(requests(None, legs_of("p", *many, "1")))) == 1


async def test_what_a_later_request_does_not_say_is_unknown_and_what_an_earlier_said_stands() -> None:
    answers = iter([200, 503])

    def respond(request: httpx.Request) -> httpx.Response:
        status = next(answers)
        numbers = [it["number"] for it in json.loads(request.content)["transfers"]]
        body = {"transfers": [{"number": it, "state": "succeeded"} for it in numbers]}
        return httpx.Response(status, json=body if status == 200 else {})

    told = await channel(respond).under("alipay-split-sync").carry_out("acc", legs_of("p", *"abcdef"))
    assert [it.state for it in told.values()] == ["succeeded"] * 5 + ["unknown"]


async def test_a_bill_is_fetched_as_it_is_written_and_no_answer_is_none() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert (request.url.path, request.url.params["kind"]) == ("/v1/accounts/acc/bills/2026-11-25", "refunds")
        return httpx.Response(200, text="a,b\n")

    assert await channel(respond).bill("acc", date(2026, 11, 25), "refunds") == b"a,b\n"
    for closed in (answering({"reason": "day_not_over"}, 409), failing(httpx.ReadTimeout)):
        with pytest.raises(NotSentError):
            await closed.bill("acc", date(2026, 11, 25), "refunds")
