"""Reading and writing events: equal events have equal bytes, and what is not JSON has one kind of error."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from shared.messages import MerchantChanged, OrderRejected, body_hash, decode, encode

SEEN = datetime(2026, 3, 1, 2, tzinfo=UTC)


def rejected(at: datetime = SEEN) -> OrderRejected:
    return OrderRejected(marketplace="demo", order_id="o-1", reason="amount_mismatch", rejected_at=at)


def test_an_event_is_read_as_it_was_written() -> None:
    assert decode(OrderRejected, encode(rejected())) == rejected()


def test_an_order_and_a_merchant_of_one_id_are_parked_apart() -> None:
    merchant = MerchantChanged(marketplace="demo", merchant="o-1", version=1, name="One", kind="pop")
    assert merchant.key == rejected().key
    assert merchant.aggregate != rejected().aggregate == rejected().key


def test_one_instant_has_one_hash_whatever_its_offset() -> None:
    shanghai = SEEN.astimezone(timezone(timedelta(hours=8)))
    assert body_hash(rejected(shanghai)) == body_hash(rejected())
    assert body_hash(decode(OrderRejected, encode(rejected()).replace(b"02:00:00Z", b"10:00:00+08:00"))) == body_hash(
        rejected()
    )


def test_another_body_has_another_hash() -> None:
    assert body_hash(rejected()) != body_hash(rejected(SEEN + timedelta(microseconds=1)))


def test_unknown_fields_and_order_of_fields_do_not_change_the_hash() -> None:
    fields = json.loads(encode(rejected())) | {"unknown": [1]}
    shuffled = json.dumps(dict(reversed(fields.items()))).encode()
    assert body_hash(decode(OrderRejected, shuffled)) == body_hash(rejected())


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_no_store_can_hold_breaks_the_contract(at: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="outside the years"):
        decode(OrderRejected, encode(rejected()).replace(b"2026-03-01T02:00:00Z", at.encode()))


def test_a_writer_cannot_forget_the_zone() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        rejected(SEEN.replace(tzinfo=None))


@pytest.mark.parametrize("value", [b"", b"\xff", b'{"unknown":"\xff"}', b"{", b'{"unknown":' + b"[" * 100_000])
def test_what_is_not_json_is_a_decode_error_and_no_breach_of_contract(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError) as error:
        decode(OrderRejected, value)
    assert not isinstance(error.value, msgspec.ValidationError)
