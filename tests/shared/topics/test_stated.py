"""The topics file: what it means, and how each mistake in it is named."""

from pathlib import Path

import pytest

from shared.messages import EVENTS, Event
from shared.topics import Topics, TopicsError, dead_letter_topic

FILE = Path("deploy/topics.yaml")
TEXT = FILE.read_text(encoding="utf-8")
DAY_MS = 24 * 60 * 60 * 1000
DAYS = {"binding-requested": 7}
"""What is kept for less than 35 days, because of what is in it."""


@pytest.fixture
def topics() -> Topics:
    return Topics.load(FILE)


def test_every_contract_has_its_topic(topics: Topics) -> None:
    assert {event.topic for event in EVENTS} == {it.name for it in topics if it.dead_letters_of is None}


def test_the_sources_of_what_outsiders_publish_are_checked(topics: Topics) -> None:
    assert {event.topic for event in EVENTS if event.from_upstream} == {
        it.name for it in topics if it.owner == "upstream"
    }


@pytest.mark.parametrize("event", EVENTS, ids=lambda it: it.topic)
def test_a_topic_of_the_flow_has_12_partitions_35_days_1_mib_and_the_brokers_clock(
    topics: Topics, event: type[Event]
) -> None:
    topic = topics[event.topic]
    assert topic.partitions == 12
    assert topic.config["max.message.bytes"] == str(2**20)
    assert topic.config["message.timestamp.type"] == "LogAppendTime"
    compacted = event.topic == "merchant-changed"
    assert topic.config["cleanup.policy"] == ("compact" if compacted else "delete")
    assert topic.config["retention.ms"] == ("-1" if compacted else str(DAYS.get(event.topic, 35) * DAY_MS))


def test_every_reader_of_a_topic_has_dead_letters_of_its_own(topics: Topics) -> None:
    flow = [it for it in topics if it.dead_letters_of is None]
    wanted = {dead_letter_topic(it.name, service) for it in flow for service in it.consumers}
    letters = {it.name: it for it in topics if it.dead_letters_of is not None}
    assert set(letters) == wanted
    assert "order-paid.payments.dlq" in letters
    for letter in letters.values():
        assert letter.partitions == 1
        assert letter.config["retention.ms"] == letter.config["retention.bytes"] == "-1"
        assert letter.config["max.message.bytes"] == str(2 * 2**20)


def test_a_service_sees_what_it_publishes_what_it_reads_and_its_own_dead_letters(topics: Topics) -> None:
    assert {it.name for it in topics.of("split")} == {
        "split-requested",
        "split-requested.split.dlq",
        "payout-requested",
        "payout-settled",
        "payout-settled.split.dlq",
        "merchant-changed",
        "merchant-changed.split.dlq",
        "order-progressed",
        "order-progressed.split.dlq",
        "case-changed",
        "case-changed.split.dlq",
        "refund-approved",
        "refund-approved.split.dlq",
        "refund-requested",
        "refund-settled",
        "refund-settled.split.dlq",
        "channel-moved",
        "channel-moved.split.dlq",
    }


def test_only_a_topic_that_says_so_has_no_reader(topics: Topics) -> None:
    assert {it.name for it in topics if not it.consumers and not it.dead_letters_of} == {
        "binding-settled",
    }


def test_production_keeps_three_replicas_of_everything() -> None:
    for topic in Topics.load(FILE, override="production"):
        assert topic.replication_factor == 3
        assert topic.config["min.insync.replicas"] == "2"


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("partitions: 12", "partitions: twelve", "defaults.partitions"),
        ("partitions: 12", "partitions: 0", "defaults.partitions"),
        ("partitions: 12", "partitons: 12", "defaults.partitions"),
        ("owner: upstream", "owner: Up Stream", "topics.order-paid.owner"),
        ("consumers: [split]", "consumers: []", "topics.split-requested.consumers"),
        ("key: <marketplace>/<merchant>", "key: <merchant>", "topics.merchant-changed.key"),
        ("/<order_id or channel_account>", "/<order_id or >", "topics.channel-moved.key"),
        ("  split-requested:", "  Split Requested:", "topics.Split Requested"),
        ("topics:", "topics: [", "cannot be read as YAML"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, right: str, wrong: str, named: str) -> None:
    assert right in TEXT
    file = tmp_path / "topics.yaml"
    file.write_text(TEXT.replace(right, wrong), encoding="utf-8")
    with pytest.raises(TopicsError) as mistake:
        Topics.load(file)
    assert str(file) in str(mistake.value)
    assert named in str(mistake.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TopicsError, match=r"nowhere\.yaml: cannot be read"):
        Topics.load(tmp_path / "nowhere.yaml")


def test_an_unknown_override_is_answered_with_the_known_ones() -> None:
    with pytest.raises(TopicsError, match="no override 'staging'; it has production"):
        Topics.load(FILE, override="staging")
