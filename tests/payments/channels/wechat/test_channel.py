"""Profit sharing, returns and refunds through API v3: what was not sent, not answered, not believed, and not final."""

import asyncio
from datetime import date

import httpx
import pytest
from tests.payments.channels.wechat.counterpart import MCHID, Counterpart, refusal

from payments.channels.port import BillKind, NotOfferedError, NotSentError, RateLimitedError, UnansweredError
from payments.channels.wechat import WechatChannel
from payments.domain.instructions import Instruction, Kind
from payments.domain.outcomes import UNKNOWN, Answer
from payments.domain.proof import ChannelRecord

PAYMENT = "4200000000000000000000000001"


def told(number: str = "N1", kind: Kind = "payout", amount_minor: int = 300, of: str = PAYMENT) -> Instruction:
    receiver = "buyer" if kind == "refund" else "merchant:acme"
    return Instruction(number, kind, receiver, amount_minor, "CNY", "sending", of)


async def test_a_payment_is_known_by_what_was_paid_and_not_before(there: Counterpart, channel: WechatChannel) -> None:
    there.pay(PAYMENT, 1_000)
    there.pay("refunded", 700)
    there.payments["refunded"]["trade_state"] = "REFUND"
    there.pay("open", 100)
    there.payments["open"]["trade_state"] = "NOTPAY"
    found = await channel.find_payments(MCHID, [PAYMENT, "open", "strange", "refunded"])
    assert found == {
        PAYMENT: ChannelRecord(amount_minor=1_000, currency="CNY", fee_minor=0),
        "open": None,
        "strange": None,
        "refunded": ChannelRecord(amount_minor=700, currency="CNY", fee_minor=0),
    }


@pytest.mark.parametrize(
    ("kind", "result", "reason", "answer"),
    [
        ("payout", "SUCCESS", None, Answer("succeeded")),
        ("payout", "CLOSED", "RECEIVER_HIGH_RISK", Answer("failed", "RECEIVER_HIGH_RISK")),
        ("payout", "PENDING", None, Answer("accepted")),
        ("return", "SUCCESS", None, Answer("succeeded")),
        ("return", "FAILED", "TIME_OUT_CLOSED", Answer("failed", "TIME_OUT_CLOSED")),
        ("refund", "SUCCESS", None, Answer("succeeded")),
        ("refund", "CLOSED", None, Answer("failed", "CLOSED")),
        ("refund", "ABNORMAL", None, Answer("accepted", "ABNORMAL")),
    ],
)
async def test_it_is_accepted_first_and_its_own_result_decides(
    there: Counterpart, channel: WechatChannel, kind: Kind, result: str, reason: str | None, answer: Answer
) -> None:
    """FINISHED is no success: the receiver's result is."""
    there.pay(PAYMENT, 1_000)
    first = told("S1")
    await channel.carry_out(MCHID, [first])
    wanted = first if kind == "payout" else told("X1", kind, 200, "S1" if kind == "return" else PAYMENT)
    assert await channel.carry_out(MCHID, [wanted]) == {wanted.number: Answer("accepted")}
    there.conclude(wanted.number, result, reason)
    assert await channel.query(MCHID, [wanted]) == {wanted.number: answer}
    assert await channel.carry_out(MCHID, [wanted]) == {wanted.number: answer}, "the same again is the same"


async def test_the_rest_is_released_to_the_collector_and_then_nothing_is_split(
    there: Counterpart, channel: WechatChannel
) -> None:
    there.pay(PAYMENT, 1_000)
    end = told("F1", "finish", 700)
    assert await channel.carry_out(MCHID, [told(), end]) == {"N1": Answer("accepted"), "F1": Answer("accepted")}
    there.conclude("F1")
    assert await channel.query(MCHID, [end]) == {"F1": Answer("succeeded")}
    late = told("N2", amount_minor=1)
    assert await channel.carry_out(MCHID, [late]) == {"N2": Answer("failed", "RULE_LIMIT")}


async def test_instructions_of_one_payment_keep_their_order(there: Counterpart, channel: WechatChannel) -> None:
    """Fails when the end goes beside the splits: what comes after it is refused."""
    there.pay(PAYMENT, 1_000)

    async def splits_take_longer(request: httpx.Request) -> httpx.Response | None:
        await asyncio.sleep(0.005 if b"receivers" in request.content else 0)
        return None

    there.hooks.append(splits_take_longer)
    some = [*(told(f"N{it}", amount_minor=10) for it in range(20)), told("F1", "finish", 800)]
    assert set((await channel.carry_out(MCHID, some)).values()) == {Answer("accepted")}


async def test_a_number_that_was_used_for_something_else_is_unknown_and_never_failed(
    there: Counterpart, channel: WechatChannel
) -> None:
    there.pay(PAYMENT, 1_000)
    await channel.carry_out(MCHID, [told()])
    other = told(amount_minor=301)
    assert await channel.carry_out(MCHID, [other]) == {"N1": Answer("unknown", "number_reused")}
    assert await channel.query(MCHID, [other]) == {"N1": Answer("unknown", "number_reused")}


async def test_a_bad_request_that_left_nothing_is_a_failure(there: Counterpart, channel: WechatChannel) -> None:
    assert await channel.carry_out(MCHID, [told()]) == {"N1": Answer("failed", "PARAM_ERROR")}
    assert [path for _, path in there.asked] == ["/v3/profitsharing/orders", "/v3/profitsharing/orders/N1"]


async def test_what_it_does_not_know_may_be_sent_again(channel: WechatChannel) -> None:
    kinds: tuple[Kind, ...] = ("payout", "finish", "return", "refund")
    wanted = [told(f"N{place}", kind) for place, kind in enumerate(kinds)]
    assert await channel.query(MCHID, wanted) == dict.fromkeys([it.number for it in wanted])


async def test_a_receiver_without_a_number_there_and_what_it_cannot_do_are_not_sent(
    there: Counterpart, channel: WechatChannel
) -> None:
    stranger = Instruction("N1", "payout", "merchant:new", 1, "CNY", "sending", PAYMENT)
    subsidy = Instruction("N2", "subsidy", "pool", 1, "CNY", "sending", PAYMENT)
    answers = await channel.carry_out(MCHID, [stranger, subsidy])
    assert answers == {"N1": Answer("failed", "NO_RELATION"), "N2": Answer("failed", "NO_AUTH")}
    assert there.asked == []


async def test_an_answer_that_is_not_signed_by_it_is_no_answer(there: Counterpart, channel: WechatChannel) -> None:
    """Fails when somebody in between can say that a leg was paid."""
    there.pay(PAYMENT, 1_000)
    there.forged = True
    with pytest.raises(UnansweredError, match="signature"):
        await channel.carry_out(MCHID, [told()])
    there.forged = False
    assert await channel.query(MCHID, [told()]) == {"N1": Answer("accepted")}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError, NotSentError),
        (httpx.ConnectTimeout, NotSentError),
        (httpx.ReadTimeout, UnansweredError),
        (httpx.RemoteProtocolError, UnansweredError),
    ],
)
async def test_silence_before_the_first_byte_is_not_silence_after_it(
    there: Counterpart, channel: WechatChannel, error: type[httpx.TransportError], expected: type[Exception]
) -> None:
    async def fail(request: httpx.Request) -> httpx.Response | None:
        raise error(request.method, request=request)

    there.hooks.append(fail)
    with pytest.raises(expected):
        await channel.carry_out(MCHID, [told(of="a"), told("N2", of="b")])


async def test_what_was_answered_counts_beside_what_was_not(there: Counterpart, channel: WechatChannel) -> None:
    there.pay(PAYMENT, 1_000)
    there.pay("silent", 1_000)
    there.pay("away", 1_000)

    async def fail_some(request: httpx.Request) -> httpx.Response | None:
        for word, error in ((b"silent", httpx.ReadTimeout), (b"away", httpx.ConnectError)):
            if word in request.content:
                raise error(request.method, request=request)
        return None

    there.hooks.append(fail_some)
    some = [told(), told("N2", of="silent"), told("N3", of="away")]
    assert await channel.carry_out(MCHID, some) == {"N1": Answer("accepted"), "N2": UNKNOWN}


@pytest.mark.parametrize(("status", "expected"), [(429, RateLimitedError), (500, UnansweredError), (401, NotSentError)])
async def test_too_often_is_not_carried_out_and_a_system_error_is_unknown(
    there: Counterpart, channel: WechatChannel, status: int, expected: type[Exception]
) -> None:
    async def answer(_: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, json=refusal(status, "SYSTEM_ERROR")[1])

    there.hooks.append(answer)
    with pytest.raises(expected):
        await channel.carry_out(MCHID, [told()])


async def test_an_account_without_credentials_is_never_asked(there: Counterpart, channel: WechatChannel) -> None:
    for account in ("1900000999", "..", "a/b"):
        with pytest.raises(NotSentError):
            await channel.find_payments(account, [PAYMENT])
    assert there.asked == []


async def test_a_bill_is_the_one_that_was_announced(there: Counterpart, channel: WechatChannel) -> None:
    chosen: tuple[BillKind, ...] = ("payments", "refunds", "splits", "returns")
    for kind in chosen:
        assert await channel.bill(MCHID, date(2026, 11, 25), kind) == there.bill

    async def change(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, content=b"another") if "billdownload" in request.url.path else None

    there.hooks.append(change)
    with pytest.raises(NotSentError, match="announced"):
        await channel.bill(MCHID, date(2026, 11, 25), "payments")
    with pytest.raises(NotOfferedError, match="fees"):
        await channel.bill(MCHID, date(2026, 11, 25), "fees")
