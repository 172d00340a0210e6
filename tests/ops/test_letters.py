"""Reading dead letters from a real Kafka, and what is sent back of one."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.conftest import NewTopicMaker
from tests.ops.dead import bury, topics

from ops.letters import Letter, read, redriven

pytestmark = pytest.mark.infra


async def make(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 1, 1)])
    finally:
        await admin.close()


@pytest.fixture
async def topic(kafka_bootstrap: str, new_topic: NewTopicMaker) -> str:
    name = await new_topic("order-paid")
    await make(kafka_bootstrap, topics(name))
    return name


async def letters_of(bootstrap: str, topic: str) -> list[Letter]:
    return [it async for it in read(bootstrap, [topics(topic), "a.topic.dlq"])]


async def test_a_letter_says_what_failed_where_and_why(kafka_bootstrap: str, topic: str) -> None:
    await bury(kafka_bootstrap, topic, "demo-x/a", "demo-x/b")
    first, second = await letters_of(kafka_bootstrap, topic)
    assert (first.id, second.id) == (f"{topics(topic)}/0/0", f"{topics(topic)}/0/1")
    assert first.described() == {
        "id": first.id,
        "service": "payments",
        "key": "demo-x/a",
        "disposition": "contract",
        "error": "amount_missing",
        "first_failed_at": "2026-03-01T00:00:00+00:00",
        "last_failed_at": "2026-03-01T00:00:00+00:00",
        "attempts": 1,
        "cut": False,
        "origin": f"{topic}/3/0",
    }


async def test_no_letters_are_an_empty_list(kafka_bootstrap: str, topic: str) -> None:
    assert await letters_of(kafka_bootstrap, topic) == []


async def test_letters_of_several_topics_come_topic_by_topic_oldest_first(
    kafka_bootstrap: str, topic: str, new_topic: NewTopicMaker
) -> None:
    empty, other = await new_topic("split-requested"), await new_topic("payout-settled")
    for name in (empty, other):
        await make(kafka_bootstrap, topics(name))
    await bury(kafka_bootstrap, topic, "demo-x/a", "demo-x/b")
    await bury(kafka_bootstrap, other, "demo-x/c", "demo-x/d")
    stand = [topics(it) for it in (other, empty, topic)]
    found = [it.order async for it in read(kafka_bootstrap, stand)]
    assert found == ["demo-x/c", "demo-x/d", "demo-x/a", "demo-x/b"]


async def test_only_letters_that_are_wanted_come(kafka_bootstrap: str, topic: str) -> None:
    await bury(kafka_bootstrap, topic, "demo-x/a", "demo-x/b")
    found = [it.order async for it in read(kafka_bootstrap, [topics(topic)], lambda it: it.order.endswith("b"))]
    assert found == ["demo-x/b"]


async def test_what_is_sent_back_is_the_original_for_the_service_that_failed(kafka_bootstrap: str, topic: str) -> None:
    await bury(kafka_bootstrap, topic, "demo-x/a")
    (letter,) = await letters_of(kafka_bootstrap, topic)
    record = redriven(letter, "ann", "contract fixed")
    assert (record.topic, record.key, record.value) == (topic, b"demo-x/a", b'{"a": 1}')
    assert list(record.headers) == [
        ("ce_id", b"id-1"),
        ("weir-only-service", b"payments"),
        ("weir-redriven-by", b"ann"),
        ("weir-redriven-for", b"contract fixed"),
    ]


def test_a_key_that_is_no_text_is_shown_escaped() -> None:
    assert Letter("t.payments.dlq", 0, 0, b"\xff", None, [], {}).order == "\\xff"


def test_the_beginning_of_a_record_that_was_too_large_is_known_as_such() -> None:
    assert Letter("t.payments.dlq", 0, 0, b"", b"{", [], {"value-bytes": "2000000"}).cut
