"""An audit while orders stream through the cluster: nothing under way is called a breach, and a real one still is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.flows.conftest import ROOT, Cluster
from tests.flows.market import Market, selling, until

from ops import lag
from ops.audit.run import Report, Scope
from ops.audit.run import run as audit
from ops.institution import Institution
from ops.letters import topics_of
from ops.settled import Look
from ops.stores import opened
from shared.mongo import connect
from shared.topics import Topics

pytestmark = pytest.mark.infra

ORDERS_AT_ONCE = 20
PAUSE_S = 0.1


@pytest.fixture
async def market(cluster: Cluster) -> AsyncIterator[Market]:
    async with selling(cluster) as it:
        yield it


@asynccontextmanager
async def steady(market: Market) -> AsyncIterator[list[str]]:
    """Send orders all the time; yield the list of them, which grows. Every seventh waits for an unknown merchant."""
    sent: list[str] = []
    enough = asyncio.Event()

    async def send() -> None:
        while not enough.is_set():
            orders = [market.order(merchant="acme" if n % 7 else "stranger") for n in range(ORDERS_AT_ONCE)]
            await market.pay(*orders)
            await market.publish(*orders)
            sent.extend(str(it["order_id"]) for it in orders)
            await asyncio.sleep(PAUSE_S)

    task = asyncio.create_task(send())
    try:
        yield sent
    finally:
        enough.set()
        await task


async def audited(market: Market, folder: Path, *, beside: bool = False) -> Report:
    """Audit this marketplace by what stands in the topic, and all `beside` it: nobody has a list of what was sent."""
    urls, topics = market.cluster.urls, Topics.load(ROOT / "deploy" / "topics.yaml")
    scope = Scope(None if beside else market.id, lag.groups(topics), folder)
    async with opened(urls["mongo"], market.cluster.prefix) as stores, Institution(urls["institution"]) as institution:
        look = Look(stores, urls["kafka"], tuple(topics_of(list(topics))))
        return await audit(look, institution, scope, lambda _: None)


async def until_settled(market: Market, orders: int) -> None:
    client = connect(market.cluster.urls["mongo"])
    split = client[market.cluster.database("split")].orders
    done = {"marketplace": market.id, "unsettled": {"$exists": False}}
    await until(lambda: split.count_documents(done), lambda count: count >= orders)
    client.close()


async def test_a_busy_cluster_breaks_no_law(market: Market, tmp_path: Path) -> None:
    async with steady(market) as sent:
        await until_settled(market, 50)
        reports = [await audited(market, tmp_path) for _ in range(3)]
        assert [it.findings.shown for it in reports] == [[], [], []]
        counts = [it.tally.places.orders for it in reports]
        assert 50 <= counts[0] < counts[1] < counts[2]
    report = await until(lambda: audited(market, tmp_path), lambda it: not it.tally.places.of("waiting"))
    assert report.findings.shown == []
    strangers = len(sent) // ORDERS_AT_ONCE * 3
    assert report.tally.places.counts == {
        ("settled", ""): len(sent) - strangers,
        ("held", "merchant_unknown"): strangers,
    }
    (waits,) = report.tally.answer(report.at_ms)
    assert waits["oldest_s"] > 0


async def test_what_is_lost_on_a_busy_cluster_is_named(market: Market, tmp_path: Path) -> None:
    client = connect(market.cluster.urls["mongo"])
    async with steady(market) as sent:
        await until_settled(market, 50)
        copy, order, line = (f"{market.id}/{sent[number]}" for number in (1, 2, 3))
        copies, orders, statements = (
            client[market.cluster.database(service)][name]
            for service, name in (("aftersale", "orders"), ("split", "orders"), ("merchant", "statements"))
        )
        stated = f"{market.id}/o:{sent[3]}/merchant:acme/1"
        await until(lambda: copies.delete_one({"_id": copy}), lambda it: it.deleted_count == 1)
        await until(
            lambda: orders.update_one(
                {"_id": order, "unsettled": {"$exists": False}}, {"$inc": {"shares.0.amount_minor": 1}}
            ),
            lambda it: it.modified_count == 1,
        )
        await until(
            lambda: statements.update_one({"entries.leg_id": stated}, {"$pull": {"entries": {"leg_id": stated}}}),
            lambda it: it.modified_count == 1,
        )
        report = await audited(market, tmp_path)
    found = {(it.law, it.id.partition("/o:")[0] if it.law == "leg_stated" else it.id) for it in report.findings.shown}
    client.close()
    assert {it for it in found if it[0] in ("order_not_lost", "order_sums", "leg_stated")} == {
        ("order_not_lost", copy),
        ("order_sums", order),
        ("leg_stated", market.id),
    }
    assert {it.id.replace("/o:", "/").partition("/merchant:")[0] for it in report.findings.shown} == {copy, order, line}
