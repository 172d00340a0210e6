"""Bad input, by name: each kind ends in its one stated place, and a good order behind it is settled all the same."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError
from tests.flows.conftest import Cluster
from tests.flows.market import Headers, Json, Market, selling, until

pytestmark = pytest.mark.infra

PAYMENTS_DLQ = "order-paid.payments.dlq"


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


async def _good_order_passes(market: Market) -> None:
    order = market.order()
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")


def _without(name: str) -> Callable[[Headers], Headers]:
    return lambda headers: [it for it in headers if it[0] != name]


def _with(name: str, content: bytes | None) -> Callable[[Headers], Headers]:
    return lambda headers: [it for it in headers if it[0] != name] + [(name, content)]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_without("ce_id"), "ce_id is missing"),
        (_without("ce_type"), "ce_type is missing"),
        (_without("ce_specversion"), "ce_specversion is missing"),
        (_with("ce_source", None), "ce_source is null"),
        (_with("ce_source", b"\xff\xfe"), "ce_source is not UTF-8"),
        (_with("ce_type", b"weir.order-paid.v99"), "type_unknown"),
        (_with("ce_source", b"/somebody/else"), "source_unknown"),
    ],
)
async def test_a_bad_envelope_goes_to_the_dead_letters(
    market: Market, change: Callable[[Headers], Headers], error: str
) -> None:
    order = market.order()
    await market.pay(order)
    await market.publish(order, headers=change(market.headers(order)))
    letter = await market.dead_letter(PAYMENTS_DLQ, f"{market.id}/{order['order_id']}".encode())
    assert error in dict(letter.headers)["weir-dlq-error"].decode()
    await _good_order_passes(market)
    assert (await market.status(order))["state"] == "unknown"


@pytest.mark.parametrize(
    ("value", "disposition"),
    [
        (b"{not json", b"malformed"),
        (b"\xff\xfe\x00", b"malformed"),
        (b"[]", b"contract"),
        (None, b"malformed"),
    ],
    ids=["not JSON", "not UTF-8", "another shape", "tombstone"],
)
async def test_a_value_that_nobody_can_read_goes_to_the_dead_letters(
    market: Market, value: bytes | None, disposition: bytes
) -> None:
    order = market.order()
    await market.publish(order, value=value)
    letter = await market.dead_letter(PAYMENTS_DLQ, f"{market.id}/{order['order_id']}".encode())
    assert dict(letter.headers)["weir-dlq-disposition"] == disposition
    assert letter.value == value
    await _good_order_passes(market)


async def test_a_payload_over_a_megabyte_is_refused_by_the_broker_or_cut_into_the_dead_letters(market: Market) -> None:
    order = market.order()
    value = json.dumps({"x": "y" * 1_100_000}).encode()
    with pytest.raises(MessageSizeTooLargeError):
        await market.publish(order, value=value)
    await market.publish(order, value=value, compression="zstd")  # small enough on the way, too large once read
    letter = await market.dead_letter(PAYMENTS_DLQ, f"{market.id}/{order['order_id']}".encode())
    assert letter.value == value[:65_536]
    assert dict(letter.headers)["weir-dlq-error"] == b"record_too_large"
    await _good_order_passes(market)


@pytest.mark.parametrize("order_id", ["a/b", "tab\there", "line\n", "", "x" * 65, "überweisung"])
async def test_a_bad_order_id_goes_to_the_dead_letters(market: Market, order_id: str) -> None:
    order = market.order() | {"order_id": order_id}
    key = f"{market.id}/bad-{order_id!r}".encode()
    await market.publish(order, key=key)
    letter = await market.dead_letter(PAYMENTS_DLQ, key)
    assert dict(letter.headers)["weir-dlq-disposition"] == b"contract"
    await _good_order_passes(market)


def _lines_do_not_add_up(order: Json) -> None:
    order["lines"][0]["amount_minor"] -= 1


def _currency_is_unknown(order: Json) -> None:
    order["currency"] = "ZZZ"


def _amount_is_negative(order: Json) -> None:
    order["lines"][0]["amount_minor"] = order["payments"][0]["amount_minor"] = -5


def _amount_is_absurd(order: Json) -> None:
    order["lines"][0]["amount_minor"] = order["payments"][0]["amount_minor"] = 10**13 + 1


def _paid_in_the_future(order: Json) -> None:
    order["paid_at"] = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()


def _fifty_one_receivers(order: Json) -> None:
    order["receivers"] = _receivers(51)


def _profiles_are_mixed(order: Json) -> None:
    second = order["payments"][0] | {"channel_profile": "wechat-profit-sharing", "channel_payment_id": "other"}
    order["payments"] = [order["payments"][0], second | {"amount_minor": 0}]


def _account_is_not_ours(order: Json) -> None:
    order["payments"][0]["channel_account"] = "somebody-elses"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_lines_do_not_add_up, "amount_mismatch"),
        (_currency_is_unknown, "currency_unknown"),
        (_amount_is_negative, "amount_out_of_range"),
        (_amount_is_absurd, "amount_out_of_range"),
        (_paid_in_the_future, "paid_at_in_future"),
        (_fifty_one_receivers, "receivers_too_many"),
        (_profiles_are_mixed, "profiles_mixed"),
        (_account_is_not_ours, "channel_account_unknown"),
    ],
)
async def test_an_order_against_the_rules_is_rejected_and_may_be_corrected(
    market: Market, change: Callable[[Json], None], reason: str
) -> None:
    right = market.order()
    wrong = json.loads(json.dumps(right))
    change(wrong)
    await market.publish(wrong)
    status = await market.reaches(wrong, "rejected")
    assert status["reason"] == reason
    copy = await until(lambda: _copy(market, wrong), lambda it: it.get("state") == "rejected")
    assert copy["state"] == "rejected"

    await market.pay(right)
    await market.publish(right)
    await market.reaches(right, "settled")


async def test_another_body_under_a_known_id_goes_to_the_dead_letters_and_the_first_stands(market: Market) -> None:
    order = market.order()
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    await market.publish(order | {"buyer": "somebody-else"})
    letter = await market.dead_letter(PAYMENTS_DLQ, f"{market.id}/{order['order_id']}".encode())
    assert b"order_conflict" in dict(letter.headers)["weir-dlq-error"]
    assert (await market.status(order))["state"] == "settled"


async def test_a_payment_is_good_for_one_order_only(market: Market) -> None:
    first, second = market.order(), market.order()
    second["payments"][0]["channel_payment_id"] = first["payments"][0]["channel_payment_id"]
    await market.pay(first)
    await market.publish(first)
    await market.reaches(first, "settled")
    await market.publish(second)
    assert (await market.reaches(second, "rejected"))["reason"] == "payment_used"


async def test_a_payment_unknown_to_the_institution_leaves_the_order_unverified(market: Market) -> None:
    order = market.order()
    await market.publish(order)
    await market.reaches(order, "unverified")
    assert (await market.split(order))["shares"] == []


async def test_a_payment_known_with_another_amount_rejects_the_order(market: Market) -> None:
    order = market.order(amount_minor=10_000)
    await market.pay(market.order(order["order_id"], amount_minor=9_999))
    await market.publish(order)
    assert (await market.reaches(order, "rejected"))["reason"] == "payment_amount_differs"


async def test_fifty_receivers_are_paid(market: Market) -> None:
    order = market.order(amount_minor=1_000_000)
    order["receivers"] = _receivers(49)  # and the merchant
    await market.pay(order)
    await market.publish(order)
    await market.reaches(order, "settled")
    pockets = await market.pockets()
    assert sum(pockets.values()) == 1_000_000
    assert sum(name.startswith("merchant:r") for name in pockets) == 49


@pytest.mark.parametrize("service", ["payments", "split", "aftersale", "merchant"])
async def test_nonsense_over_http_gets_a_clear_refusal(market: Market, service: str) -> None:
    address = market.cluster.urls[service]
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/nowhere", {}),
        ("DELETE", "/livez", {}),
        ("GET", "/v1/marketplaces/nobody/orders/x/status", {}),
        ("GET", "/docs/asyncapi", {}),
        ("POST", "/asyncapi/try", {"content": b"{}"}),
    ]
    for method, path, sent in asked:
        answer = await market.http.request(method, address + path, **sent)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["reason"]


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b'{"a": 1}', 422), (b"[]", 422), (b'"' + b"x" * 1_100_000 + b'"', 413)],
    ids=["bad JSON", "other fields", "wrong type", "too large"],
)
async def test_a_bad_body_over_http_gets_a_clear_refusal(market: Market, content: bytes, status: int) -> None:
    headers = {"content-type": "application/json"}
    answer = await market.http.post(market.url("payments", "orders"), content=content, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def _copy(market: Market, order: Json) -> Json:
    answer = await market.http.get(market.url("aftersale", f"orders/{order['order_id']}"))
    return dict(answer.json())


def _receivers(count: int) -> list[Json]:
    return [{"receiver": f"r{n}", "parent": "merchant:acme", "share": "fixed", "value": 10 + n} for n in range(count)]
