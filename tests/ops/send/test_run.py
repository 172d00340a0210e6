"""A whole run of sending, with the institution, the merchant service and Kafka listening in."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ops import olist, sample
from ops.addresses import Addresses
from ops.send import manifest
from ops.send import run as sending
from ops.send.batch import EVENTS_PER_BATCH
from ops.send.draft import Item
from ops.send.run import CATCH_UP_S, Pace, Sent, Source, run, survey
from shared.envelope import expected_id, read
from shared.messages import OrderPaid, OrderProgressed, decode
from shared.outbox import Outgoing

URLS = {"merchant": "http://merchant", "institution": "http://bank", "kafka": "kafka:9092"}


class World:
    """What the run told to others, in order: (whom, what)."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        name = request.url.path.rpartition("/")[2]
        self.heard.append((name, body))
        paid = [{"payment_id": it["payment_id"], "state": "succeeded"} for it in body.get("payments", ())]
        return httpx.Response(200, json={"payments": paid})

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.heard.append(("kafka", list(records)))

    async def stop(self) -> None:
        self.heard.append(("stopped", None))

    def said(self, whom: str) -> list[Any]:
        return [what for name, what in self.heard if name == whom]


class Silent:
    """Progress that nobody sees."""

    def stage(self, text: str, total: int | None = None) -> None:
        """Say nothing."""

    def advance(self, steps: int) -> None:
        """Say nothing."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    it, client = World(), httpx.AsyncClient
    transport = httpx.MockTransport(it.answer)
    monkeypatch.setattr(httpx, "AsyncClient", lambda **words: client(**words | {"transport": transport}))
    monkeypatch.setattr(sending, "Publisher", lambda *_: it)

    async def copied(bootstrap: str) -> None:
        it.heard.append(("copied", bootstrap))

    monkeypatch.setattr(sending, "copied", copied)
    return it


def source(orders: int = 20) -> Source:
    return lambda: sample.items("demo-x", "demo-x", "r", orders)


def going_on(orders: int) -> Source:
    """Return a source that has after each order that it was shipped, and at its end a merchant."""

    def items() -> Iterator[Item]:
        late = list(sample.merchants("demo-x"))[-1]
        for item in source(orders)():
            if item != late:
                yield item
            if isinstance(item, OrderPaid):
                yield shipped(item.order_id)
        yield late

    return items


def shipped(order_id: str) -> OrderProgressed:
    return OrderProgressed(
        marketplace="demo-x",
        order_id=order_id,
        kind="shipped",
        progress_id="s-1",
        occurred_at=datetime(2026, 1, 6, tzinfo=UTC),
    )


async def sent(folder: Path, of: Source, **options: Any) -> Sent:  # noqa: ANN401 - the options of run
    return await run(of, Addresses(URLS), Silent(), folder=folder, **options)


async def test_merchants_come_first_then_money_then_events(world: World, tmp_path: Path) -> None:
    done = await sent(tmp_path, source())
    assert (done.orders, done.marketplaces) == (20, ("demo-x",))
    heard = [whom for whom, _ in world.heard]
    assert heard[:2] == ["merchants:batch", "copied"]
    assert heard[-3:] == ["payments", "kafka", "stopped"]
    assert set(heard[2:-3]) == {"funds"}


async def test_events_are_what_an_upstream_system_publishes(world: World, tmp_path: Path) -> None:
    await sent(tmp_path, source())
    (records,) = world.said("kafka")
    envelopes = [read(record.headers) for record in records]
    orders = [decode(OrderPaid, record.value) for record in records]
    assert orders == [it for it in source()() if isinstance(it, OrderPaid)]
    assert {it.source for it in envelopes} == {"/weir/send"}
    assert [it.partition_key for it in envelopes] == [record.key.decode() for record in records]
    assert len({it.id for it in envelopes}) == len(orders)
    assert all(it.time == it.origin_time for it in envelopes)


async def test_everything_is_paid_and_what_the_platform_bears_is_funded(world: World, tmp_path: Path) -> None:
    await sent(tmp_path, source())
    orders = [it for it in source()() if isinstance(it, OrderPaid)]
    paid = {it["payment_id"]: it["amount_minor"] for body in world.said("payments") for it in body["payments"]}
    assert paid == {it.channel_payment_id: it.amount_minor for order in orders for it in order.payments}
    assert {it["currency"] for it in world.said("funds")} <= {order.currency for order in orders}
    assert all(it["pocket"] == "platform:marketing" and it["amount_minor"] > 0 for it in world.said("funds"))


async def test_sending_again_repeats_every_number_and_id(world: World, tmp_path: Path) -> None:
    await sent(tmp_path, source())
    first, world.heard = world.heard, []
    await sent(tmp_path, source())

    def numbers(heard: list[tuple[str, Any]]) -> list[Any]:
        return [(whom, [read(it.headers).id for it in what] if whom == "kafka" else what) for whom, what in heard]

    assert numbers(world.heard) == numbers(first)


async def test_the_manifest_has_every_order_once_a_run(world: World, tmp_path: Path) -> None:
    await sent(tmp_path, source())
    keys = [record.key.decode() for record in world.said("kafka")[0]]
    assert list(manifest.keys("demo-x", tmp_path)) == keys


async def test_a_limit_counts_orders_and_not_merchants(world: World, tmp_path: Path) -> None:
    done = await sent(tmp_path, source(), limit=3)
    assert (done.orders, len(world.said("kafka")[0])) == (3, 3)
    assert done.merchants == len(list(sample.merchants("demo-x")))


async def test_progress_is_published_among_the_orders_as_an_upstream_system_does(world: World, tmp_path: Path) -> None:
    done = await sent(tmp_path, going_on(2))
    assert (done.orders, done.progress) == (2, 2)
    (records,) = world.said("kafka")
    assert [record.topic for record in records] == ["order-paid", "order-progressed"] * 2
    paid, progress = records[:2]
    event = decode(OrderProgressed, progress.value)
    assert event == shipped(decode(OrderPaid, paid.value).order_id)
    envelope = read(progress.headers)
    assert (progress.key, envelope.id, envelope.source) == (paid.key, expected_id(event), "/weir/send")
    assert list(manifest.keys("demo-x", tmp_path)) == [paid.key.decode(), records[2].key.decode()]


async def test_progress_alone_needs_no_institution(world: World, tmp_path: Path) -> None:
    done = await sent(tmp_path, lambda: [shipped("o-1"), shipped("o-2")])
    assert (done.marketplaces, done.orders, done.progress, done.merchants) == (("demo-x",), 0, 2, 0)
    assert [whom for whom, _ in world.heard] == ["kafka", "stopped"]
    assert list(manifest.keys("demo-x", tmp_path)) == []


async def test_a_limit_takes_the_progress_before_the_next_order_and_every_merchant(
    world: World, tmp_path: Path
) -> None:
    done = await sent(tmp_path, going_on(5), limit=3)
    assert (done.orders, done.progress, done.merchants) == (3, 3, len(list(sample.merchants("demo-x"))))
    assert [record.topic for record in world.said("kafka")[0]] == ["order-paid", "order-progressed"] * 3


def test_merchants_that_are_named_and_not_defined_are_made_when_told_how() -> None:
    def undefined() -> list[Item]:
        return [it for it in source()() if isinstance(it, OrderPaid)]

    assert survey(undefined, None, None).drafts == {}
    found = survey(undefined, None, olist.seller)
    assert set(found.drafts) == found.named
    assert ("demo-x", "tea-house") in found.drafts


async def test_a_rate_lets_orders_through_in_even_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    now = 100.0

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(round(seconds, 6))
        now += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = Pace(50, clock=lambda: now)
    assert pace.step == 5
    for _ in range(4):
        await pace.wait(pace.step)
    assert slept == [0, 0.1, 0.1, 0.1]
    now += 60
    slept.clear()
    for _ in range(12):
        await pace.wait(pace.step)
    assert sum(slept) == pytest.approx(11 * 0.1 - CATCH_UP_S)


def test_without_a_rate_a_step_is_a_batch() -> None:
    assert Pace(None).step == EVENTS_PER_BATCH
    assert Pace(0.5).step == 1
