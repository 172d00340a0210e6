"""The envelope: what Weir writes, everybody reads; what stands in a record's headers never stops a reader."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared import envelope
from shared.envelope import EnvelopeError
from shared.messages import OrderRejected, encode

EMITTED = datetime(2026, 3, 1, 2, 0, 1, 250_000, tzinfo=UTC)
ORIGIN = datetime(2026, 3, 1, 2, 0, 0, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
EVENT = OrderRejected(marketplace="demo", order_id="o-1", reason="profiles_mixed", rejected_at=ORIGIN)

type Raw = list[tuple[str, bytes | None]]


def written(trace: str | None = None) -> Raw:
    return [*envelope.headers_of(EVENT, "/weir/payments", EMITTED, ORIGIN, trace)]


def with_header(name: str, value: bytes | None) -> Raw:
    return [(it, value if it == name else was) for it, was in written()]


def test_what_is_written_is_read() -> None:
    assert envelope.read(written(TRACE)) == envelope.Envelope(
        id=envelope.expected_id(EVENT),
        source="/weir/payments",
        type="weir.order-rejected.v1",
        time=EMITTED,
        origin_time=ORIGIN,
        partition_key="demo/o-1",
        traceparent=TRACE,
    )


def test_the_cloudevents_sdk_reads_what_weir_writes() -> None:
    headers = {name: value for name, value in written() if value is not None}
    read = from_binary_event(KafkaMessage(headers=headers, key=EVENT.key, value=encode(EVENT)))
    assert isinstance(read, CloudEvent)
    assert read.get_id() == envelope.expected_id(EVENT)
    assert read.get_source() == "/weir/payments"
    assert read.get_type() == "weir.order-rejected.v1"
    assert read.get_specversion() == "1.0"
    assert read.get_time() == EMITTED
    assert read.get_datacontenttype() == "application/json"
    assert read.get_extension("partitionkey") == EVENT.key
    assert read.get_extension("origintime") == "2026-03-01T02:00:00Z"
    assert read.get_data() == json.loads(encode(EVENT))


def test_weir_reads_what_the_cloudevents_sdk_writes() -> None:
    attributes = {
        "id": "shop-1",
        "source": "https://orders.example.com/shop",
        "type": "weir.order-paid.v1",
        "specversion": "1.0",
        "time": EMITTED,
        "datacontenttype": "application/json",
        "partitionkey": "demo/o-1",
    }
    headers = to_binary_event(CloudEvent(attributes, {"order_id": "o-1"})).headers
    assert envelope.read(headers.items()) == envelope.Envelope(
        id="shop-1",
        source="https://orders.example.com/shop",
        type="weir.order-paid.v1",
        time=EMITTED,
        origin_time=EMITTED,
        partition_key="demo/o-1",
    )


def test_the_same_event_published_again_has_the_same_id() -> None:
    later = EMITTED + timedelta(hours=1)
    again = envelope.read(envelope.headers_of(EVENT, "/weir/payments", later, ORIGIN))
    assert again.id == envelope.read(written()).id


def test_times_are_written_in_utc() -> None:
    shanghai = EMITTED.astimezone(timezone(timedelta(hours=8)))
    assert envelope.headers_of(EVENT, "/weir/payments", shanghai, shanghai)[4] == (
        "ce_time",
        b"2026-03-01T02:00:01.250000Z",
    )


def test_a_time_without_a_zone_is_not_written() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        envelope.headers_of(EVENT, "/weir/payments", EMITTED.replace(tzinfo=None), ORIGIN)


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time"])
def test_a_missing_header_is_named(name: str) -> None:
    with pytest.raises(EnvelopeError, match=f"{name} is missing"):
        envelope.read([it for it in written() if it[0] != name])


def test_no_headers_are_no_envelope() -> None:
    with pytest.raises(EnvelopeError, match="is missing"):
        envelope.read([])


def test_an_order_from_upstream_is_its_own_origin() -> None:
    bare = [it for it in written() if it[0] not in {"ce_origintime", "ce_partitionkey", "content-type"}]
    assert envelope.read(bare).origin_time == EMITTED
    assert envelope.read(bare).partition_key is None


@pytest.mark.parametrize("name", [name for name, _ in written()])
def test_a_null_header_is_named(name: str) -> None:
    with pytest.raises(EnvelopeError, match=f"{name} is null"):
        envelope.read(with_header(name, None))


@pytest.mark.parametrize("name", [name for name, _ in written()])
def test_a_header_that_is_not_utf_8_is_named(name: str) -> None:
    with pytest.raises(EnvelopeError, match=f"{name} is not UTF-8"):
        envelope.read(with_header(name, b"\xff\xfe"))


@pytest.mark.parametrize("name", [name for name, _ in written()])
def test_a_repeated_header_is_named(name: str) -> None:
    with pytest.raises(EnvelopeError, match=f"{name} is repeated"):
        envelope.read([*written(), *(it for it in written() if it[0] == name)])


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type"])
@pytest.mark.parametrize("value", [b"", b"x" * 201])
def test_an_empty_or_endless_header_is_named(name: str, value: bytes) -> None:
    with pytest.raises(EnvelopeError, match=f"{name} is empty or longer than 200"):
        envelope.read(with_header(name, value))


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type"])
@pytest.mark.parametrize("value", [b"a\nb", b"a\x00", b"\x7f", "a\x85".encode(), "\u2028".encode()])
def test_control_characters_never_reach_a_log_or_a_key(name: str, value: bytes) -> None:
    with pytest.raises(EnvelopeError, match="control character"):
        envelope.read(with_header(name, value))


@pytest.mark.parametrize("version", [b"0.3", b"1", b"1.1", b" 1.0", b""])
def test_another_version_of_cloudevents_is_refused(version: bytes) -> None:
    with pytest.raises(EnvelopeError, match=r"not 1\.0"):
        envelope.read(with_header("ce_specversion", version))


@pytest.mark.parametrize("name", ["ce_time", "ce_origintime"])
@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"now", b"1772330401", b"2026-03-01", b"2026-03-01T02:00:01", b"2026-03-01T02:00Z"),
        *(b"2026-03-01T24:00:00Z", b"2026-02-30T00:00:00Z", b"2026-03-01T02:00:60Z", b"2026-03-01T02:00:01Z\n"),
        *(b"0001-01-01T00:00:00+01:00", b"9999-12-31T23:59:59-01:00", b'2026-03-01T02:00:01Z"', b"2026\\u002d03-01"),
    ],
)
def test_a_bad_time_is_named(name: str, value: bytes) -> None:
    with pytest.raises(EnvelopeError, match=f"{name} is no RFC 3339 time"):
        envelope.read(with_header(name, value))


def test_a_time_is_read_in_utc_whatever_its_offset() -> None:
    read = envelope.read(with_header("ce_time", b"2026-03-01T10:00:01.250+08:00"))
    assert read.time == EMITTED
    assert read.time.tzinfo is UTC


@pytest.mark.parametrize("value", [b"application/json", b"application/json; charset=utf-8", b"Application/JSON"])
def test_json_is_json_whatever_its_parameters(value: bytes) -> None:
    assert envelope.read(with_header("content-type", value)).time == EMITTED


@pytest.mark.parametrize("value", [b"", b"text/plain", b"application/cloudevents+json", b"application/jsonp"])
def test_another_content_type_is_refused(value: bytes) -> None:
    with pytest.raises(EnvelopeError, match="content-type is not"):
        envelope.read(with_header("content-type", value))


@pytest.mark.parametrize("trace", [None, b"\xff", b""])
def test_a_trace_that_cannot_be_read_costs_no_event(trace: bytes | None) -> None:
    read = envelope.read([*written(), ("traceparent", trace), ("traceparent", trace)])
    assert read.traceparent is None


def test_unknown_headers_are_ignored_whatever_they_hold() -> None:
    noise: Raw = [("x", None), ("x", b"\xff"), ("ce_unknown", None), ("CE_ID", b"other")]
    assert envelope.read([*noise, *written()]) == envelope.read(written())


names = st.sampled_from([*(name for name, _ in written()), "traceparent", "x"])


@given(st.lists(st.tuples(names, st.none() | st.binary(max_size=30) | st.sampled_from([it[1] for it in written()]))))
def test_whatever_stands_in_the_headers_is_read_or_refused(headers: Raw) -> None:
    try:
        assert isinstance(envelope.read(headers), envelope.Envelope)
    except EnvelopeError as refused:
        assert len(str(refused)) < 200  # noqa: PT017 - either outcome is right, anything else is not
