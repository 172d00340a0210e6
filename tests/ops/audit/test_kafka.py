"""What the audit takes from Kafka: what is under way there, dead letters, and what was sent where nobody has a list."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient
from tests.conftest import NewTopicMaker
from tests.ops.audit import world
from tests.ops.audit.world import MP, Bank

from ops.audit import flight, outside
from ops.audit.findings import Findings
from ops.audit.run import Report, Scope, run
from ops.institution import Institution
from ops.settled import Look
from ops.stores import Stores, opened

pytestmark = pytest.mark.infra

TAKERS = "merchant.payout-settled"


@pytest.fixture
def client(mongo_url: str, filled: Stores) -> Iterator[MongoClient[dict[str, Any]]]:
    del filled
    with MongoClient[dict[str, Any]](mongo_url) as it:
        yield it


async def publish(bootstrap: str, topic: str, *keys: str | bytes | None, at_ms: int | None = None) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for key in keys:
            raw = key.encode() if isinstance(key, str) else key
            await producer.send_and_wait(topic, b"{}", key=raw, timestamp_ms=at_ms)


async def audit(stores: Stores, bootstrap: str, scope: Scope, *letters: str) -> Report:
    async with Institution("http://bank", Bank().transport()) as institution:
        return await run(Look(stores, bootstrap, letters), institution, scope, lambda _: None)


async def test_without_a_list_what_was_sent_is_what_stands_in_the_topic(
    filled: Stores, kafka_bootstrap: str, new_topic: NewTopicMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = await new_topic(partitions=3)
    monkeypatch.setattr(outside, "TOPIC", topic)
    await publish(kafka_bootstrap, topic, f"{MP}/a", f"{MP}/b", f"{MP}/b", f"{MP}/gone", "demo-other/c", b"\xff")
    report = await audit(filled, kafka_bootstrap, Scope(MP, {}, tmp_path))
    assert [(it.law, it.id) for it in report.findings.shown] == [("order_not_lost", f"{MP}/gone")]
    assert report.lost == 1
    report = await audit(filled, kafka_bootstrap, Scope(None, {}, tmp_path))
    assert {it.id for it in report.findings.shown} == {f"{MP}/gone", "demo-other/c", "\\xff"}


async def test_a_dead_letter_is_a_place_and_no_breach(
    filled: Stores, kafka_bootstrap: str, new_topic: NewTopicMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, letters = await new_topic(), await new_topic()
    monkeypatch.setattr(outside, "TOPIC", topic)
    await publish(kafka_bootstrap, topic, f"{MP}/bad", b"\xff")
    await publish(kafka_bootstrap, letters, f"{MP}/bad", b"\xff", f"{MP}/a")
    scope = Scope(None, {}, tmp_path)
    report = await audit(filled, kafka_bootstrap, scope, letters)
    assert (report.findings.shown, report.lost) == ([], 0)
    assert (report.tally.places.of("dlq"), report.tally.places.of("settled")) == (2, 1)

    await filled.ops["redrives"].insert_one({"_id": f"{letters}/0/0"})  # sent back, and taken by nobody
    report = await audit(filled, kafka_bootstrap, scope, letters)
    assert [it.id for it in report.findings.shown] == [f"{MP}/bad"]


async def test_a_parked_order_waits_for_an_operator(
    filled: Stores, client: MongoClient[dict[str, Any]], prefix: str, kafka_bootstrap: str, tmp_path: Path,
    new_topic: NewTopicMaker, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(outside, "TOPIC", await new_topic())
    client[f"{prefix}merchant"].statements.update_one({}, {"$pop": {"entries": -1}})
    park = {"_id": f"{MP}/a", "reason": "leg_unknown", "since": world.PAID_AT, "count": 1}
    client[f"{prefix}merchant"].parks.insert_one(park)
    report = await audit(filled, kafka_bootstrap, Scope(None, {}, tmp_path))
    assert report.findings.shown == []
    (waits,) = [it for it in report.tally.answer(report.at_ms) if it["place"] == "parked"]
    assert (waits["reason"], waits["orders"]) == ("merchant: leg_unknown", 1)


async def test_what_no_group_has_read_is_under_way_and_nothing_behind_it_is_lost(
    filled: Stores, kafka_bootstrap: str, new_topic: NewTopicMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flight, "PASSED_S_MAX", 0.1)
    groups = {TAKERS: await new_topic(partitions=2)}
    assert "stated" in await flight.passed(filled, kafka_bootstrap, groups)
    await publish(kafka_bootstrap, groups[TAKERS], f"{MP}/a", f"{MP}/b")
    assert await flight.passed(filled, kafka_bootstrap, groups) == frozenset(flight.HOPS) - {"stated"}
    (unread,) = await flight.look(filled, kafka_bootstrap, groups)
    assert (unread.kind, unread.where, unread.count) == ("unread", TAKERS, 2)


async def test_records_that_nobody_reads_for_long_are_a_breach(
    filled: Stores, kafka_bootstrap: str, new_topic: NewTopicMaker
) -> None:
    groups = {TAKERS: await new_topic()}
    for age_s, laws in ((240, []), (360, ["moves_on"])):
        await publish(kafka_bootstrap, groups[TAKERS], f"{MP}/a", at_ms=int((time.time() - age_s) * 1000))
        findings = Findings()
        flight.judge(await flight.look(filled, kafka_bootstrap, groups), findings)
        assert [it.law for it in findings.shown] == laws
        groups = {TAKERS: await new_topic()}


async def test_the_url_is_the_one_that_was_opened(mongo_url: str) -> None:
    async with opened(mongo_url) as stores:
        assert stores.url == mongo_url
