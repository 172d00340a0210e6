"""Reading files of orders, and naming what is wrong with a line."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops import sample
from ops.send import lines
from ops.send.draft import MerchantDraft
from ops.send.lines import BadLineError, read
from shared.marketplaces import Marketplaces
from shared.messages import OrderPaid, OrderProgressed, decode, encode

ROOT = Path(__file__).parents[3]
MARKETPLACES = Marketplaces.load(ROOT / "deploy" / "marketplaces.yaml")

ORDER = encode(sample.order("demo-x", "demo-x", "r", 0))
PROGRESS = (
    b'{"marketplace":"demo-x","order_id":"r-000000","kind":"shipped","progress_id":"s-1",'
    b'"occurred_at":"2026-01-06T02:00:00Z"}'
)
ROW: dict[str, Any] = {
    "order_id": "o1",
    "customer_id": "c1",
    "approved_at": "2017-06-01T10:00:00",
    "currency": "BRL",
    "payments": [{"seq": 1, "value": 100}],
    "items": [{"seq": 1, "product_id": "p", "seller_id": "s", "price": 90, "freight": 10}],
}


def file(folder: Path, *texts: bytes, name: str = "orders.jsonl") -> Path:
    path = folder / name
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def test_a_plain_and_a_packed_file_read_alike(tmp_path: Path) -> None:
    plain = file(tmp_path, ORDER, b"", ORDER)
    packed = tmp_path / "orders"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    decode = lines.weir_decoder(None)
    assert [line.number for line in read(plain, decode)] == [1, 3]
    assert list(read(packed, decode)) == list(read(plain, decode))


def test_a_file_defines_merchants_beside_orders(tmp_path: Path) -> None:
    draft = next(sample.merchants("demo-x"))
    path = file(tmp_path, msgspec.json.encode(draft), ORDER)
    items = [line.item for line in read(path, lines.weir_decoder(None))]
    assert items == [draft, sample.order("demo-x", "demo-x", "r", 0)]


def test_a_file_tells_how_orders_go_on(tmp_path: Path) -> None:
    path = file(tmp_path, PROGRESS, ORDER)
    progress, _ = (line.item for line in read(path, lines.weir_decoder(None)))
    assert progress == decode(OrderProgressed, PROGRESS)
    moved, order = (line.item for line in read(path, lines.weir_decoder(MARKETPLACES.find("demo-y"))))
    assert isinstance(moved, OrderProgressed)
    assert isinstance(order, OrderPaid)
    assert (moved.key, moved.progress_id) == (f"demo-y/{order.order_id}", "s-1")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        pytest.param(b"{", "truncated", id="cut short"),
        pytest.param(b"[]", "Expected `object`", id="not an object"),
        pytest.param(b'{"marketplace":"demo-x"}', "order_id", id="a field is missing"),
        pytest.param(ORDER.replace(b'"CNY"', b'"cny"'), "currency", id="not a currency"),
        pytest.param(ORDER.replace(b"buyer-0", b"buyer/0"), "buyer", id="not an id"),
        pytest.param(ORDER.replace(b"buyer-0", b"\xff"), "UTF-8|utf-8", id="not UTF-8"),
        pytest.param(PROGRESS.replace(b'"shipped"', b'"eaten"'), "kind", id="no kind of progress"),
        pytest.param(PROGRESS.replace(b'"s-1"', b'"s/1"'), "progress_id", id="progress without an id"),
        pytest.param(b'{"a":' * 100_000, "nested", id="nested without end"),
        pytest.param(b'{"agreement":{"category_rates":[{"category":"a\\nb","commission_bp":1}]},"marketplace":"m","merchant":"a",'
                     b'"name":"A"}', "category", id="a category of two lines"),
        pytest.param(b'{"agreement":{"commission_pb":1},"marketplace":"m","merchant":"a","name":"A"}', "commission_pb",
                     id="a misspelt term"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_its_number_and_cause(tmp_path: Path, text: bytes, cause: str) -> None:
    path = file(tmp_path, ORDER, b"", text, ORDER)
    with pytest.raises(BadLineError, match=cause) as raised:
        list(read(path, lines.weir_decoder(None)))
    assert raised.value.number == 3
    assert f"{path}:3: " in str(raised.value)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "orders.gz"
    path.write_bytes(gzip.compress(b" " * (lines.LINE_BYTES_MAX * 4)))
    with pytest.raises(BadLineError, match="longer than"):
        list(read(path, lines.weir_decoder(None)))


def test_a_packed_file_that_was_cut_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "orders.gz"
    path.write_bytes(gzip.compress((ORDER + b"\n") * 50)[:-20])
    with pytest.raises(BadLineError, match="damaged"):
        list(read(path, lines.weir_decoder(None)))


def test_a_file_can_be_sent_as_another_marketplaces(tmp_path: Path) -> None:
    draft = next(sample.merchants("demo-x"))
    path = file(tmp_path, msgspec.json.encode(draft), ORDER)
    tenant = MARKETPLACES.find("demo-y")
    merchant, order = (line.item for line in read(path, lines.weir_decoder(tenant)))
    assert isinstance(merchant, MerchantDraft)
    assert isinstance(order, OrderPaid)
    assert (merchant.marketplace, order.marketplace) == ("demo-y", "demo-y")
    assert {payment.channel_account for payment in order.payments} == {"demo-y"}


def test_olist_rows_become_orders_of_the_marketplace_and_its_account(tmp_path: Path) -> None:
    tenant = MARKETPLACES.find("olist")
    assert tenant is not None
    (line,) = read(file(tmp_path, json.dumps(ROW).encode()), lines.olist_decoder(tenant))
    assert isinstance(line.item, OrderPaid)
    assert line.item.key == "olist/o1"
    assert line.item.payments[0].channel_account == "olist"


@pytest.mark.parametrize("change", [{"items": []}, {"payments": []}, {"approved_at": "yesterday"}, {"order_id": "a/b"}])
def test_a_bad_row_is_named_with_its_number(tmp_path: Path, change: dict[str, Any]) -> None:
    tenant = MARKETPLACES.find("olist")
    assert tenant is not None
    path = file(tmp_path, json.dumps(ROW).encode(), json.dumps(ROW | change).encode())
    with pytest.raises(BadLineError) as raised:
        list(read(path, lines.olist_decoder(tenant)))
    assert raised.value.number == 2
