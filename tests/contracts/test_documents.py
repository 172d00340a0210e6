"""The generated documents are those of today's contracts, and say of a document what the readers do."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts import documents
from tests.contracts.samples import SAMPLES, Sample, sample

from shared.messages import EVENTS, Event, decode
from shared.messages.docs.files import COMMAND, stale, write

ROOT = Path()
SCHEMAS = {event.type: json.loads((ROOT / f"docs/schemas/{event.type}.schema.json").read_text()) for event in EVENTS}
VALIDATORS = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}
ASYNCAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text(encoding="utf-8"))


def test_the_documents_are_those_of_todays_contracts_and_topics() -> None:
    assert stale(ROOT) == [], f"run `{COMMAND}`"


def test_a_stale_a_missing_and_a_leftover_file_are_found_and_mended(tmp_path: Path) -> None:
    for part in ("deploy", "tests"):
        (tmp_path / part).symlink_to((ROOT / part).absolute())
    made = write(tmp_path)
    assert len(made) == len(EVENTS) + 1
    assert stale(tmp_path) == []
    (tmp_path / "docs/asyncapi.yaml").write_text("old", encoding="utf-8")
    (tmp_path / made[-1]).unlink()
    (tmp_path / "docs/schemas/weir.gone.v1.schema.json").write_text("{}", encoding="utf-8")
    assert write(tmp_path) == ["docs/asyncapi.yaml", "docs/schemas/weir.gone.v1.schema.json", made[-1]]
    assert stale(tmp_path) == []


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_a_schema(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[kind])


@pytest.mark.parametrize("golden", SAMPLES, ids=lambda it: it.name)
def test_what_was_published_keeps_the_json_schema(golden: Sample) -> None:
    VALIDATORS[golden.struct.type].validate(golden.document)


@pytest.mark.parametrize("struct", EVENTS, ids=lambda it: it.__name__)
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_json_schema_says_of_a_document_what_the_readers_do(struct: type[Event], data: st.DataObject) -> None:
    whole = sample(struct.type, data.draw(st.sampled_from(["minimal", "full"]))).document
    place = data.draw(st.sampled_from(list(documents.places(whole))))
    odd = data.draw(st.sampled_from(documents.ODD))
    document = documents.changed(whole, place, odd)
    try:
        decode(struct, json.dumps(document, ensure_ascii=False).encode())
        taken = True
    except msgspec.DecodeError:
        taken = False
    # JSON Schema cannot tell 1.0 from 1, and knows of a time only its form.
    beyond_json_schema = isinstance(odd, float) or odd in documents.ODD_TIMES
    assert VALIDATORS[struct.type].is_valid(document) == taken or (beyond_json_schema and not taken)


@pytest.mark.parametrize("event", EVENTS, ids=lambda it: it.__name__)
def test_the_examples_of_a_message_keep_its_headers_and_payload(event: type[Event]) -> None:
    message = ASYNCAPI["components"]["messages"][event.__name__]
    payload = {"$ref": message["payload"]["$ref"], "components": ASYNCAPI["components"]}
    assert {"minimal", "full"} <= {example["name"] for example in message["examples"]}
    for example in message["examples"]:
        jsonschema.Draft202012Validator(message["headers"]).validate(example["headers"])
        jsonschema.Draft202012Validator(payload).validate(example["payload"])


def test_every_reader_of_a_topic_is_shown_with_its_group() -> None:
    topics = yaml.safe_load((ROOT / "deploy/topics.yaml").read_text(encoding="utf-8"))["topics"]
    groups = {
        (operation["channel"]["$ref"].rpartition("/")[2], operation["bindings"]["kafka"]["groupId"]["const"])
        for operation in ASYNCAPI["operations"].values()
        if operation["action"] == "receive"
    }
    assert groups == {
        (topic, f"{service}.{topic}") for topic, it in topics.items() for service in it.get("consumers", ())
    }


def test_every_channel_shows_how_it_is_kept() -> None:
    shown = ASYNCAPI["channels"]["payout-settled"]["bindings"]["kafka"]
    assert shown["partitions"] == 12
    assert shown["topicConfiguration"]["retention.ms"] == 35 * 24 * 60 * 60 * 1000
    assert ASYNCAPI["channels"]["merchant-changed"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == [
        "compact"
    ]
