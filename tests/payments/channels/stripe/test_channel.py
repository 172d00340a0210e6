"""Transfers, reversals, refunds and top-ups: once under their number, even when Stripe has forgotten its key."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from tests.payments.channels.stripe.counterpart import ACCOUNT, ACME, KEY, Counterpart

from payments.channels.port import NotSentError, RateLimitedError, UnansweredError
from payments.channels.stripe import StripeChannel, StripeKeys
from payments.domain.instructions import Instruction, Kind
from payments.domain.outcomes import UNKNOWN, Answer
from payments.domain.proof import ChannelRecord

PAYMENT = "pi_1"


@pytest.fixture
def there() -> Counterpart:
    return Counterpart()


@pytest.fixture
async def channel(there: Counterpart, tmp_path: Path) -> AsyncIterator[StripeChannel]:
    async def identify(_: str, receivers: Sequence[str]) -> Mapping[str, str]:
        return {it: ACME for it in receivers if it == "merchant:acme"}

    (tmp_path / ACCOUNT).mkdir()
    (tmp_path / ACCOUNT / "secret.key").write_text(f"{KEY}\n")
    it = StripeChannel(StripeKeys(tmp_path), identify, 5, transport=httpx.MockTransport(there.answer))
    yield it
    await it.close()


def told(number: str = "N1", kind: Kind = "payout", amount_minor: int = 300, of: str | None = None) -> Instruction:
    return Instruction(number, kind, "merchant:acme", amount_minor, "EUR", "sending", of)


async def test_a_payment_is_known_with_the_fee_that_was_taken(there: Counterpart, channel: StripeChannel) -> None:
    there.pay(PAYMENT, 1_000, fee=30)
    there.pay("pi_open", 500)
    there.intents["pi_open"]["status"] = "processing"
    there.pay("pi_fee_unknown", 500)
    there.intents["pi_fee_unknown"]["latest_charge"] = {"balance_transaction": None}
    there.pay("pi_abroad", 500)
    there.intents["pi_abroad"]["latest_charge"]["balance_transaction"]["currency"] = "usd"
    wanted = [PAYMENT, "pi_open", "pi_none", "pi_fee_unknown", "pi_abroad"]
    assert await channel.find_payments(ACCOUNT, wanted) == {
        "pi_fee_unknown": None,
        "pi_abroad": None,
        PAYMENT: ChannelRecord(amount_minor=1_000, currency="EUR", fee_minor=30),
        "pi_open": None,
        "pi_none": None,
    }


async def test_money_goes_comes_back_and_is_refunded_each_once(there: Counterpart, channel: StripeChannel) -> None:
    there.pay(PAYMENT, 1_000)
    some = [told(), told("N2", "return", 100, "N1"), told("N3", "refund", 200, PAYMENT), told("N4", "advance", 50)]
    wanted = {
        "N1": Answer("succeeded"),
        "N2": Answer("succeeded"),
        "N3": Answer("accepted"),
        "N4": Answer("accepted"),
    }
    assert await channel.carry_out(ACCOUNT, some) == wanted
    assert await channel.carry_out(ACCOUNT, some) == wanted
    assert there.balance == 1_000 - 300 + 100 - 200
    there.forget_keys()
    assert await channel.query(ACCOUNT, some) == wanted
    assert await channel.carry_out(ACCOUNT, some) == wanted
    assert there.balance == 1_000 - 300 + 100 - 200, "a day later the same number is not carried out again"
    there.conclude("N3", status="failed", failure_reason="expired_or_canceled_card")
    there.conclude("N4", status="succeeded")
    assert await channel.query(ACCOUNT, some[2:]) == {
        "N3": Answer("failed", "expired_or_canceled_card"),
        "N4": Answer("succeeded"),
    }


async def test_what_it_does_not_know_may_be_sent_again(channel: StripeChannel) -> None:
    kinds: tuple[Kind, ...] = ("payout", "return", "refund", "subsidy", "advance")
    wanted = [told(f"N{place}", kind, of="X") for place, kind in enumerate(kinds)]
    assert await channel.query(ACCOUNT, wanted) == dict.fromkeys([it.number for it in wanted])


async def test_a_number_is_found_on_a_later_page(there: Counterpart, channel: StripeChannel) -> None:
    """Fails when only the first page is looked at: what is there would be sent again."""
    there.pay(PAYMENT, 1_000)
    some = [told(f"N{it}", "refund", 10, PAYMENT) for it in range(7)]
    await channel.carry_out(ACCOUNT, some)
    assert set((await channel.query(ACCOUNT, some)).values()) == {Answer("accepted")}


async def test_what_is_too_far_down_is_no_proof_that_it_is_not_there(
    there: Counterpart, channel: StripeChannel
) -> None:
    there.pay(PAYMENT, 1_000)
    await channel.carry_out(ACCOUNT, [told(f"N{it}", "refund", 1, PAYMENT) for it in range(21)])
    with pytest.raises(NotSentError, match="too many"):
        await channel.query(ACCOUNT, [told("NX", "refund", 1, PAYMENT)])


async def test_a_number_that_was_used_for_something_else_is_unknown_and_never_failed(
    there: Counterpart, channel: StripeChannel
) -> None:
    there.pay(PAYMENT, 1_000)
    await channel.carry_out(ACCOUNT, [told()])
    other = told(amount_minor=301)
    assert await channel.carry_out(ACCOUNT, [other]) == {"N1": Answer("unknown", "number_reused")}
    assert await channel.query(ACCOUNT, [other]) == {"N1": Answer("unknown", "number_reused")}


async def test_a_refusal_is_told_in_its_own_words(there: Counterpart, channel: StripeChannel) -> None:
    stranger = Instruction("N2", "payout", "merchant:new", 1, "EUR", "sending")
    some = [told(), stranger, told("N3", "finish"), told("N4", "return", 1, "N1")]
    assert await channel.carry_out(ACCOUNT, some) == {
        "N1": Answer("failed", "balance_insufficient"),
        "N2": Answer("failed", "account_invalid"),
        "N3": Answer("failed", "operation_unknown"),
        "N4": Answer("failed", "resource_missing"),
    }
    assert [path for method, path in there.asked if method == "POST"] == ["/v1/transfers"]


@pytest.mark.parametrize(
    ("error", "expected"), [(httpx.ConnectError, NotSentError), (httpx.ReadTimeout, UnansweredError)]
)
async def test_silence_before_the_first_byte_is_not_silence_after_it(
    there: Counterpart, channel: StripeChannel, error: type[httpx.TransportError], expected: type[Exception]
) -> None:
    async def fail(request: httpx.Request) -> httpx.Response | None:
        raise error(request.method, request=request)

    there.hooks.append(fail)
    with pytest.raises(expected):
        await channel.carry_out(ACCOUNT, [told()])


async def test_what_was_answered_counts_beside_what_was_not(there: Counterpart, channel: StripeChannel) -> None:
    there.pay(PAYMENT, 1_000)

    async def fail_some(request: httpx.Request) -> httpx.Response | None:
        for word, error in (("N2", httpx.ReadTimeout), ("N3", httpx.ConnectError)):
            if request.headers.get("idempotency-key") == word:
                raise error(request.method, request=request)
        return None

    there.hooks.append(fail_some)
    some = [told(f"N{it}", amount_minor=1) for it in range(1, 5)]
    assert await channel.carry_out(ACCOUNT, some) == {"N1": Answer("succeeded"), "N2": UNKNOWN}


@pytest.mark.parametrize(
    ("status", "expected"), [(429, RateLimitedError), (500, UnansweredError), (409, UnansweredError)]
)
async def test_too_often_is_not_carried_out_and_what_is_under_way_is_unknown(
    there: Counterpart, channel: StripeChannel, status: int, expected: type[Exception]
) -> None:
    async def answer(_: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, json={})

    there.hooks.append(answer)
    with pytest.raises(expected):
        await channel.carry_out(ACCOUNT, [told()])


async def test_a_key_that_is_denied_fails_nothing(there: Counterpart, channel: StripeChannel, tmp_path: Path) -> None:
    """Fails when a wrong key makes every leg that is sent meanwhile a final failure."""
    there.pay(PAYMENT, 1_000)
    (tmp_path / ACCOUNT / "secret.key").write_text("sk_test_another_key")
    with pytest.raises(NotSentError, match="401"):
        await channel.carry_out(ACCOUNT, [told()])


async def test_a_key_is_read_again_and_an_account_without_one_is_never_asked(
    there: Counterpart, channel: StripeChannel, tmp_path: Path
) -> None:
    there.pay(PAYMENT, 1_000)
    file = tmp_path / ACCOUNT / "secret.key"
    file.write_text("sk_test_another_key")
    with pytest.raises(NotSentError, match="401"):
        await channel.find_payments(ACCOUNT, [PAYMENT])
    file.write_text(KEY)
    assert await channel.find_payments(ACCOUNT, [PAYMENT])
    count = len(there.asked)
    file.write_text("two keys here")
    for account in (ACCOUNT, "acct_other", "..", "a/b"):
        with pytest.raises(NotSentError) as caught:
            await channel.find_payments(account, [PAYMENT])
        assert "two keys" not in str(caught.value)
    assert len(there.asked) == count


async def test_a_bill_has_what_changed_the_balance_on_its_day(there: Counterpart, channel: StripeChannel) -> None:
    """Pages are turned, and what is of another kind or day is in another bill."""
    day = date(2026, 11, 25)
    noon = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp())
    kinds = ("charge", "refund", "charge", "transfer", "charge")
    there.changes = [
        {"id": f"txn_{place}", "type": kind, "amount": 100 * place, "fee": 3, "created": noon + place}
        for place, kind in enumerate(kinds)
    ]
    there.changes.append({"id": "txn_late", "type": "charge", "amount": 1, "created": noon + 43_200})
    lines = (await channel.bill(ACCOUNT, day, "payments")).decode().splitlines()
    assert lines[0] == "id,type,source,currency,amount,fee,net,created"
    assert [it.split(",")[0] for it in lines[1:]] == ["txn_4", "txn_2", "txn_0"]
    assert len((await channel.bill(ACCOUNT, day, "fees")).splitlines()) == 1
