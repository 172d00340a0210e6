"""Reading a record never raises: it is an event, another service's, or bad for a stated reason."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared.probe import contract, record_of

from shared import envelope
from shared.marketplaces import Marketplaces
from shared.messages import ChannelPayment, OrderLine, OrderPaid, OrderProgressed, SplitRequested, encode
from shared.record import RECORD_BYTES_MAX, Bad, Raw, Reader, Received

MARKETPLACES = Marketplaces.load(Path(__file__).parents[2] / "deploy" / "marketplaces.yaml")
FACTS: dict[str, Any] = {
    "marketplace": "test-kit",
    "order_id": "1",
    "buyer": "b",
    "currency": "CNY",
    "paid_at": datetime(2026, 1, 1, tzinfo=UTC),
    "payments": (
        ChannelPayment(
            channel_profile="sandbox-direct", channel_account="test-kit", channel_payment_id="p1", amount_minor=100
        ),
    ),
    "lines": (OrderLine(line_id="1", sku="s", category="c", merchant="m", quantity=1, amount_minor=100),),
}
ORDER = contract("taken")(**FACTS)
READER = Reader(type(ORDER), "probe", MARKETPLACES)

Headers = Sequence[tuple[str, bytes | None]]


def raw(**changes: Any) -> Raw:  # noqa: ANN401 - fields of several types
    return Raw("taken", 3, 7, 1_700_000_000_000, **(record_of(ORDER) | changes))


def headers(**changes: bytes | None) -> Headers:
    """Return the order's headers; `_` of a name stands for `-` where CloudEvents has none."""
    return list({**dict(record_of(ORDER)["headers"]), **changes}.items())


def without(name: str) -> Headers:
    return [header for header in record_of(ORDER)["headers"] if header[0] != name]


def value(**changes: Any) -> bytes:  # noqa: ANN401 - fields of several types
    return msgspec.json.encode({**msgspec.json.decode(encode(ORDER)), **changes})


def test_a_record_that_keeps_its_contract_is_received_with_where_it_came_from() -> None:
    received = READER.read(raw())
    assert isinstance(received, Received)
    assert received.event == ORDER
    assert (received.topic, received.partition, received.offset) == ("taken", 3, 7)
    assert received.source == "/upstream/test"
    assert received.event_id == envelope.expected_id(ORDER)
    assert received.origin_time == received.envelope.time


@pytest.mark.parametrize(
    ("changes", "disposition", "reason"),
    [
        ({"value": None}, "malformed", "value_missing"),
        ({"value": b" " * (RECORD_BYTES_MAX + 1)}, "malformed", "record_too_large"),
        ({"headers": [("x", b" " * (RECORD_BYTES_MAX + 1))]}, "malformed", "record_too_large"),
        ({"headers": headers(ce_id=None)}, "malformed", "header ce_id is null"),
        ({"headers": headers(ce_source=b"\xff")}, "malformed", "header ce_source is not UTF-8"),
        ({"headers": without("ce_time")}, "malformed", "header ce_time is missing"),
        ({"headers": []}, "malformed", "header ce_id is missing"),
        ({"value": b"{"}, "malformed", "not_json"),
        ({"value": b""}, "malformed", "not_json"),
        ({"value": b'{"x":' * 100_000}, "malformed", "not_json"),
        ({"value": value()[:-1] + b',"unknown":"\xff"}'}, "malformed", "not_json"),
        ({"value": b"{}"}, "contract", "contract: Object missing required field"),
        ({"value": value(order_id="a/b")}, "contract", "contract: "),
        ({"value": value(paid_at="2026-01-01T00:00:00")}, "contract", "contract: "),
        ({"headers": headers(ce_type=b"weir.probed.v9")}, "contract", "type_unknown: weir.probed.v9"),
        ({"headers": headers(ce_source=b"/elsewhere")}, "contract", "source_unknown: /elsewhere"),
        ({"value": value(marketplace="nobody"), "key": b"nobody/1"}, "contract", "marketplace_unknown"),
        ({"key": b"test-kit/2"}, "contract", "key_differs"),
        ({"key": None}, "contract", "key_differs"),
    ],
)
def test_a_bad_record_says_what_is_wrong_with_it(changes: dict[str, Any], disposition: str, reason: str) -> None:
    bad = READER.read(raw(**changes))
    assert isinstance(bad, Bad)
    assert bad.disposition == disposition
    assert bad.reason.startswith(reason)


def test_headers_that_nobody_asked_for_may_hold_anything() -> None:
    odd: Headers = [("x", None), ("y", b"\xff\xfe"), ("x", b"again"), ("traceparent", b"\xff")]
    assert isinstance(READER.read(raw(headers=[*headers(), *odd])), Received)


def test_an_event_of_weir_is_believed_from_weir_only() -> None:
    split = SplitRequested(**FACTS)
    reader = Reader(SplitRequested, "split", MARKETPLACES)
    now = datetime.now(UTC)

    def read(source: str) -> object:
        found = envelope.headers_of(split, source, now, now)
        return reader.read(Raw("split-requested", 0, 0, 0, split.key.encode(), encode(split), found))

    assert isinstance(read("/weir/payments"), Received)
    outsider = read("/upstream/test")
    assert isinstance(outsider, Bad)
    assert outsider.reason == "source_unknown: /upstream/test"


@pytest.mark.parametrize(
    ("source", "believed"),
    [("/upstream/test", True), ("/weir/send", True), ("/weir/split", False), ("/elsewhere", False)],
)
def test_progress_is_believed_from_the_sources_that_its_marketplace_allows(source: str, believed: bool) -> None:  # noqa: FBT001 - a table's column
    now = datetime.now(UTC)
    shipped = OrderProgressed(
        marketplace="test-kit",
        order_id="1",
        kind="shipped",
        progress_id="s-1",
        occurred_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    found = envelope.headers_of(shipped, source, now, now)
    record = Raw("order-progressed", 0, 0, 0, shipped.key.encode(), encode(shipped), found)
    read = Reader(OrderProgressed, "split", MARKETPLACES).read(record)
    assert isinstance(read, Received) is believed
    assert believed or (isinstance(read, Bad) and read.reason == f"source_unknown: {source}")


@pytest.mark.parametrize(
    ("only", "taken"),
    [([b"probe"], True), ([b"other"], False), ([b"other", b"probe"], True), ([None], True), ([b"other", None], True)],
)
def test_a_redriven_record_is_taken_by_the_one_service_it_names(only: list[bytes | None], taken: bool) -> None:  # noqa: FBT001 - a table's column
    """A name that is null names nobody; were it obeyed, every service would skip the record and it would be lost."""
    found = READER.read(raw(headers=[*headers(), *(("weir-only-service", name) for name in only)]))
    assert isinstance(found, Received) is taken
    assert taken or found is None


anything = st.one_of(st.none(), st.binary(max_size=60))


@given(
    key=anything,
    content=st.one_of(anything, st.just(encode(ORDER)), st.just(b'{"marketplace":1e999}')),
    found=st.lists(
        st.tuples(st.sampled_from([name for name, _ in headers()] + ["x", "weir-only-service", ""]), anything)
    ),
    complete=st.booleans(),
)
def test_no_bytes_make_reading_raise(
    key: bytes | None,
    content: bytes | None,
    found: list[tuple[str, bytes | None]],
    complete: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    both = [*(headers() if complete else ()), *found]
    read = READER.read(Raw("taken", 0, 0, 0, key, content, both))
    assert read is None or isinstance(read, Bad | Received)


def test_the_size_of_a_record_counts_its_key_value_and_headers() -> None:
    assert Raw("t", 0, 0, 0, b"kk", b"vvv", [("hhhh", b"ooooo"), ("n", None)]).size == 2 + 3 + 4 + 5 + 1
    assert Raw("t", 0, 0, 0, None, None, []).size == 0


def test_the_taken_contract_of_the_probe_is_an_order_paid() -> None:
    assert issubclass(type(ORDER), OrderPaid)
