"""The data commands as a person or a script calls them: what they print, and their exit codes."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import MongoClient
from tests.ops.audit import world
from tests.ops.audit.world import MP, Bank
from tests.ops.dead import bury
from typer.testing import CliRunner, Result

from ops import reach, sample
from ops.app import create_app
from ops.output import Code
from ops.send.manifest import Manifest

ROOT = Path(__file__).parents[3]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Call every command in a folder that looks like a clone, with no cluster."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stores(mongo_url: str, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the commands the small world, and its institution."""
    world.write(mongo_url, prefix, world.documents())
    monkeypatch.setenv("WEIR_MONGO_URL", mongo_url)
    monkeypatch.setenv("WEIR_MONGO_PREFIX", prefix)
    monkeypatch.setenv("WEIR_INSTITUTION_URL", "http://bank")
    client, transport = httpx.AsyncClient, Bank().transport()
    monkeypatch.setattr(httpx, "AsyncClient", lambda **words: client(**words | {"transport": transport}))


@pytest.fixture
async def kafka(
    kafka_bootstrap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> AsyncIterator[str]:
    """Give the commands a Kafka with one topic, read by nobody, and its dead letters; yield the topic's name."""
    topic = prefix.strip("_").replace("_", "-")
    stated = f"""
defaults: {{partitions: 1, replication_factor: 1, config: {{}}}}
dead_letters: {{partitions: 1, replication_factor: 1, config: {{}}}}
topics: {{{topic}: {{key: <marketplace>/<order_id>, owner: upstream, consumers: [payments]}}}}
"""
    file = tmp_path / "topics.yaml"
    file.write_text(stated)
    monkeypatch.setattr(reach, "TOPICS", file)
    monkeypatch.setenv("WEIR_KAFKA_BOOTSTRAP", kafka_bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    names = [topic, f"{topic}.payments.dlq"]
    await admin.create_topics([NewTopic(name, 1, 1) for name in names])
    yield topic
    await admin.delete_topics(names)
    await admin.close()


def weir(*arguments: str) -> Result:
    return CliRunner().invoke(create_app(), arguments)


async def called(*arguments: str) -> Result:
    """Call a command beside a running event loop: it has one of its own."""
    return await asyncio.to_thread(weir, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [("audit",), ("report", "payouts"), ("trace", "a"), ("park", "list"), ("dlq", "list"), ("lag", "--json")],
)
def test_without_a_cluster_a_command_says_what_to_do(arguments: tuple[str, ...]) -> None:
    result = weir(*arguments)
    assert (result.exit_code, result.stdout) == (Code.UNREACHABLE, "")
    assert "weir up" in result.stderr


@pytest.mark.parametrize(
    "url", ["mongodb://ann:pa/s3cret@127.0.0.1:9/?w=1", "mongodb://ann:s3cret@@127.0.0.1:9", "mongodb://ann:s3cret"]
)
def test_an_address_of_mongodb_that_cannot_be_read_is_named_without_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_MONGO_URL", url)
    result = weir("report", "payouts")
    assert result.exit_code == Code.UNREACHABLE
    assert "percent-encode" in result.stderr
    assert "s3cret" not in result.output


@pytest.mark.usefixtures("stores")
def test_the_password_of_an_institution_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # a real client, which finds nobody there
    monkeypatch.setenv("WEIR_INSTITUTION_URL", "http://ann:s3cret@127.0.0.1:9")
    result = weir("trace", "a")
    assert result.exit_code == Code.UNREACHABLE
    assert "s3cret" not in result.output


def test_a_bad_line_stops_sending_before_anything_is_sent(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("MERCHANT", "INSTITUTION"):
        monkeypatch.setenv(f"WEIR_{part}_URL", NOBODY)
    file = clone / "orders.jsonl"
    orders = [msgspec.json.encode(it) for it in sample.items("demo-x", "demo-x", "r", 3)]
    file.write_bytes(b"\n".join([*orders, b'{"order_id": 7}']))
    result = weir("send", "orders.jsonl")
    assert result.exit_code == Code.FAILED
    assert f"orders.jsonl:{len(orders) + 1}: " in result.stderr
    assert not (clone / ".weir" / "sent").exists()


def test_sending_to_a_marketplace_that_is_not_served_is_a_mistake_of_usage(clone: Path) -> None:
    (clone / "orders.jsonl").write_text("")
    result = weir("send", "orders.jsonl", "--marketplace", "nowhere")
    assert result.exit_code == Code.USAGE
    assert "nowhere" in result.stderr


def test_settled_of_nothing_sent_says_so() -> None:
    result = weir("settled")
    assert result.exit_code == Code.FAILED
    assert "weir send" in result.stderr


@pytest.mark.usefixtures("stores", "kafka")
@pytest.mark.parametrize(("words", "code"), [((), Code.FAILED), (("--allow-held",), Code.OK)])
def test_settled_counts_everything_sent(words: tuple[str, ...], code: Code) -> None:
    manifest = Manifest(world.PAID_AT)
    manifest.add([f"{MP}/a", f"{MP}/b"])
    manifest.close()
    result = weir("settled", "--timeout", "0", "--json", *words)
    assert result.exit_code == code
    assert json.loads(result.stdout) == {
        "finished": code is Code.OK, "orders": 2, "settled": 1, "held": 1, "waiting": 0, "rejected": 0, "dlq": 0,
        "parked": 0, "reasons": {"held": {"merchant_unknown": 1}},
    }  # fmt: skip


@pytest.mark.usefixtures("stores", "kafka")
def test_an_audit_that_finds_nothing_ends_with_zero() -> None:
    result = weir("audit", "--marketplace", MP, "--json")
    assert result.exit_code == Code.OK, result.stderr
    assert json.loads(result.stdout)["breaches"] == []
    assert "laws hold" in weir("audit", "--marketplace", MP).stderr


@pytest.mark.usefixtures("stores", "kafka")
def test_an_audit_names_the_breach_and_ends_with_one(mongo_url: str, prefix: str) -> None:
    with MongoClient[dict[str, object]](mongo_url) as client:
        client[f"{prefix}split"].balances.update_one({}, {"$inc": {"amounts.merchant:held/nobody": 1}})
    result = weir("audit", "--marketplace", MP, "--json")
    assert result.exit_code == Code.FAILED
    assert [breach["law"] for breach in json.loads(result.stdout)["breaches"]] == ["balances_derived"]
    assert "balances_derived" in weir("audit", "--marketplace", MP).stdout


@pytest.mark.usefixtures("stores")
def test_report_payouts_is_one_object() -> None:
    rows = json.loads(weir("report", "payouts", "--json").stdout)["payouts"]
    assert rows[0] == {
        "marketplace": MP, "receiver": "merchant:shop", "currency": "CNY", "count": 1, "paid_minor": 9_240,
        "returned_minor": 0, "net_minor": 9_240,
    }  # fmt: skip
    assert "merchant:shop" in weir("report", "payouts").stdout


@pytest.mark.usefixtures("stores")
def test_trace_shows_the_way_or_says_that_nobody_knows_the_order() -> None:
    shown = json.loads(weir("trace", "a", "--json").stdout)
    assert (shown["order"], shown["place"]) == (f"{MP}/a", "settled")
    assert "booked settle" in weir("trace", "a").stdout
    assert weir("trace", "z").exit_code == Code.FAILED


def test_lag_is_one_object_once(kafka: str) -> None:
    answer = json.loads(weir("lag", "--json").stdout)
    assert answer["groups"] == [
        {"group": f"payments.{kafka}", "topic": kafka, "records": 0, "seconds": 0.0, "never_committed": True}
    ]
    assert weir("lag", "--once").exit_code == Code.OK


@pytest.mark.usefixtures("stores")
async def test_dead_letters_are_listed_shown_and_sent_back_once(kafka: str, kafka_bootstrap: str) -> None:
    await bury(kafka_bootstrap, kafka, "demo-x/a", "demo-y/b")
    identity = f"{kafka}.payments.dlq/0/0"
    rows = json.loads((await called("dlq", "list", "--json")).stdout)["letters"]
    assert [(row["key"], row["error"], row["redriven"]) for row in rows] == [
        ("demo-x/a", "amount_missing", False),
        ("demo-y/b", "amount_missing", False),
    ]
    assert '{"a": 1}' in (await called("dlq", "show", identity)).stdout
    send_back = ("dlq", "redrive", "--key", "demo-x/", "--reason", "fixed", "--actor", "ann", "--json")
    dry = json.loads((await called(*send_back, "--dry-run")).stdout)
    assert dry == {"redriven": 0, "dry_run": True, "letters": [identity]}
    done = json.loads((await called(*send_back)).stdout)
    assert done == {"redriven": 1, "dry_run": False, "letters": [identity]}
    assert (await called(*send_back)).exit_code == Code.FAILED
    assert json.loads((await called(*send_back, "--again")).stdout)["redriven"] == 1
    rows = json.loads((await called("dlq", "list", "--json")).stdout)["letters"]
    assert [row["redriven"] for row in rows] == [True, False]


@pytest.mark.parametrize(
    "words", [("--service", "nobody"), ("--disposition", "odd"), ("--topic", "no-topic")], ids=lambda words: words[0]
)
def test_a_filter_that_no_dead_letter_can_fit_is_a_mistake_of_usage(words: tuple[str, str]) -> None:
    assert weir("dlq", "list", *words).exit_code == Code.USAGE
    assert weir("dlq", "redrive", "--reason", "fixed", *words).exit_code == Code.USAGE


@pytest.mark.usefixtures("stores")
async def test_a_letter_that_was_cut_is_not_sent_back(kafka: str, kafka_bootstrap: str) -> None:
    await bury(kafka_bootstrap, kafka, "demo-x/a", value=b"x" * 1_100_000)
    result = await called("dlq", "redrive", "--reason", "fixed", "--json")
    assert (result.exit_code, json.loads(result.stdout)["letters"]) == (Code.FAILED, [])
    assert "only the beginning" in result.stderr


@pytest.mark.usefixtures("stores")
def test_parks_are_listed_and_released_by_a_request(mongo_url: str, prefix: str) -> None:
    with MongoClient[dict[str, object]](mongo_url) as client:
        client[f"{prefix}split"].parks.insert_one({"_id": f"{MP}/a", "count": 1, "reason": "leg_unknown"})
    assert json.loads(weir("park", "list", "--json").stdout)["parks"][0]["order"] == f"{MP}/a"
    released = weir("park", "release", f"{MP}/a", "--reason", "mended", "--json")
    assert json.loads(released.stdout) == {"order": f"{MP}/a", "services": ["split"]}
    assert weir("park", "release", f"{MP}/z", "--reason", "mended").exit_code == Code.FAILED
    assert weir("park", "list", "--service", "nobody").exit_code == Code.USAGE
