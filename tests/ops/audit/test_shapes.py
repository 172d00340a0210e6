"""What is read out of a store's documents, where the small world has no example of it."""

import json
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from tests.ops.audit import world

from ops.audit.findings import Breach
from ops.audit.rows import Divided
from ops.audit.shapes import ledger, order_of, split


def adjusted(kind: str, amount_minor: int, party: str) -> dict[str, Any]:
    return {"kind": kind, "amount_minor": amount_minor, "party": party}


@pytest.mark.parametrize(
    ("adjustments", "surcharge_minor"),
    [
        ([], 0),
        ([adjusted("surcharge", 70, "platform:fee")], 70),
        ([adjusted("surcharge", 70, "merchant:shop")], 0),
        ([adjusted("discount", -70, "platform:marketing")], 0),
        ([adjusted("surcharge", 70, "platform:fee"), adjusted("surcharge", 5, "platform:fee")], 75),
    ],
)
def test_the_platforms_own_part_of_an_order_is_what_was_added_for_it(
    adjustments: list[dict[str, Any]], surcharge_minor: int
) -> None:
    body = json.dumps({"payments": [{"amount_minor": 1_000, "fee_minor": 6}], "adjustments": adjustments}).encode()
    stored = split.ORDERS.take(world.split_order("a", "CNY", body, []) | {"split_at": DatetimeMS(0)})
    assert not isinstance(stored, Breach)
    [(_, row)] = split.ORDERS.rows(stored)
    assert isinstance(row, Divided)
    assert (row.paid_minor, row.pooled_minor, row.surcharge_minor) == (1_000, 994, surcharge_minor)


@pytest.mark.parametrize(
    ("identity", "order"),
    [
        ("demo-x/o:a/merchant:shop/1", "demo-x/a"),
        ("demo-x/o:o:a.1/receiver:b/2", "demo-x/o:a.1"),
        ("demo-x/s:2026-01/merchant:shop/1", "demo-x/s:2026-01"),
    ],
)
def test_a_leg_names_its_order(identity: str, order: str) -> None:
    assert order_of(identity) == order


def test_a_block_tells_when_it_was_made() -> None:
    assert ledger.made_ms("01a212b8-1c03-7616-aa08-301323352ba9") == 0x01A212B81C03
    assert ledger.made_since(0x01A212B81C03, ["demo-x/a"])["_id"] == {"$gte": "01a212b8-1c03"}
