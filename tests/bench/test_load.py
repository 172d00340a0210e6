"""The orders of the bench, and how many of them may leave."""

from collections import Counter

import pytest
from msgspec.structs import replace
from tests.bench import generator, load
from tests.bench.generator import Plan, due

from payments.domain.claims import Claim, refusal
from shared.envelope import expected_id, read
from shared.messages import OrderPaid, decode
from shared.publisher import partition_of

PLAN = Plan(bootstrap="", topic="order-paid", board="", partitions=12, first=0, count=10_000)


@pytest.mark.parametrize("legs", [3, 50])
def test_orders_are_the_same_every_time_and_are_taken_by_payments(legs: int) -> None:
    for number in range(0, 50_000, 997):
        order = load.order(number, legs)
        assert order == load.order(number, legs)
        assert refusal(Claim(order, True, order.paid_at)) is None  # noqa: FBT003 - the account is the marketplace's own
        assert len({line.merchant for line in order.lines}) == legs


def test_all_merchants_sell_equally_often() -> None:
    sold = Counter(line.merchant for number in range(3_000) for line in load.order(number).lines)
    assert set(sold) == {draft.merchant for draft in load.drafts()}
    assert set(sold.values()) == {3}


def test_neighbouring_orders_have_no_merchant_in_common() -> None:
    first, second = ({line.merchant for line in load.order(number).lines} for number in (7, 8))
    assert not first & second


def test_a_record_is_an_order_paid_as_upstream_publishes_it() -> None:
    prepared = generator.prepare(77, partitions=12)
    order = decode(OrderPaid, prepared.value)
    assert order == load.order(77)
    assert prepared.key == b"test-bench/00000077"
    assert prepared.partition == partition_of(prepared.key, 12)
    envelope = read([*prepared.headers, ("ce_time", b"2026-01-05T02:00:00Z")])
    assert (envelope.id, envelope.source) == (expected_id(order), "/upstream/bench")


def test_an_open_loop_offers_the_rate_whatever_is_done() -> None:
    asked = replace(PLAN, rate=100.0)
    assert due(asked, elapsed_s=2.0, published=150, completed=0) == 50
    assert due(asked, elapsed_s=2.0, published=200, completed=0) == 0
    assert due(asked, elapsed_s=1_000.0, published=9_990, completed=0) == 10


def test_a_closed_loop_keeps_the_orders_that_are_not_done_within_its_window() -> None:
    asked = replace(PLAN, window=400)
    assert due(asked, elapsed_s=9.0, published=1_000, completed=700) == 100
    assert due(asked, elapsed_s=9.0, published=1_000, completed=600) == 0
    assert due(asked, elapsed_s=9.0, published=9_950, completed=9_900) == 50
    assert due(replace(PLAN, window=9_000), elapsed_s=9.0, published=0, completed=0) == generator.CHUNK_MAX
