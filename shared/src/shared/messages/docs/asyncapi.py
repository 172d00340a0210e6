"""The AsyncAPI 3 document: topics as they are kept, messages with key and headers, and who takes part in which group.

FastStream's own document has no key, headers, group or partitions, and shows a batch as an array; hence this one.
"""

from collections.abc import Iterable
from typing import Any, Final

from shared.envelope import HEADER_CHARACTERS_MAX
from shared.messages import EVENTS, Event
from shared.messages.docs import schemas
from shared.messages.models.contract import TIMESTAMP_PATTERN
from shared.topics import Topic, Topics

type Node = dict[str, Any]

BINDING: Final = "0.5.0"
DEAD_LETTER: Final = "DeadLetter"
_EVENT_OF: Final = {event.topic: event for event in EVENTS}

_DESCRIPTION: Final = """\
Weir clears and settles marketplace money: an order was paid, its payments are proved, split, paid out and settled.

Every record is a CloudEvents 1.0 event in Kafka's binary mode: its value is the JSON payload, headers say the rest.
Money is an integer of the currency's minor unit; it is written without fraction or exponent (1.0 is refused).
Readers ignore fields and headers they do not know. Delivery is at least once: a repeat has the same ce_id and body."""

_DEAD_LETTER: Final = """\
A record that a service cannot take: key, value and headers as they came, and beside them why and where it failed.
Operators list, mend and redrive dead letters with `weir dlq`."""


def document(topics: Topics, examples: dict[str, list[Node]]) -> Node:
    """Return the document. `examples` are golden samples by ce_type, each with name, headers and payload."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Weir",
            "version": "1.0.0",
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "The cluster's Kafka.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "host:port of a broker"}},
            }
        },
        "channels": {_id(topic): _channel(topic) for topic in topics},
        "operations": {name: operation for topic in topics for name, operation in _operations(topic)},
        "components": {
            "messages": {
                **{event.__name__: _message(event, topics, examples.get(event.type, [])) for event in EVENTS},
                DEAD_LETTER: _dead_letter(),
            },
            "schemas": schemas.shared("#/components/schemas/{model}"),
        },
    }


def _id(topic: Topic) -> str:
    return topic.name.replace(".", "-")


def _message_name(topic: Topic) -> str:
    return DEAD_LETTER if topic.dead_letters_of else _EVENT_OF[topic.name].__name__


def _channel(topic: Topic) -> Node:
    name = _message_name(topic)
    return {
        "address": topic.name,
        "description": _channel_description(topic),
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "replicas": topic.replication_factor,
                "topicConfiguration": {key: _setting(key, value) for key, value in topic.config.items()},
                "bindingVersion": BINDING,
            }
        },
    }


def _channel_description(topic: Topic) -> str:
    if topic.dead_letters_of:
        return f"Records of {topic.dead_letters_of} that {topic.owner} cannot take."
    readers = " and ".join(topic.consumers) or "nobody yet"
    return f"Published by {' and '.join(topic.publishers)}; read by {readers}. Key: `{topic.key}`."


def _setting(key: str, value: str) -> Any:  # noqa: ANN401 - as the Kafka binding types it
    if key == "cleanup.policy":
        return value.split(",")
    return int(value) if value.lstrip("-").isdigit() else value


def _operations(topic: Topic) -> Iterable[tuple[str, Node]]:
    name = _message_name(topic)
    place = {
        "channel": {"$ref": f"#/channels/{_id(topic)}"},
        "messages": [{"$ref": f"#/channels/{_id(topic)}/messages/{name}"}],
    }
    for service in topic.publishers:
        yield (
            f"{service}-sends-{_id(topic)}",
            {"action": "send", "summary": f"{service} publishes {topic.name}.", "tags": [{"name": service}], **place},
        )
    for service in topic.consumers:
        group = f"{service}.{topic.name}"
        binding = {"groupId": {"type": "string", "const": group}, "bindingVersion": BINDING}
        yield (
            f"{service}-receives-{_id(topic)}",
            {
                "action": "receive",
                "summary": f"{service} reads {topic.name} in the group {group}.",
                "tags": [{"name": service}],
                **place,
                "bindings": {"kafka": binding},
            },
        )


def _message(event: type[Event], topics: Topics, examples: list[Node]) -> Node:
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip().splitlines()[0],
        "description": f"Key: {event.key.__doc__}\nIdentity: {event.identity.__doc__}",
        "contentType": "application/json",
        "headers": _headers(event),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": topics[event.topic].key},
                "bindingVersion": BINDING,
            }
        },
        "examples": examples,
    }


def _headers(event: type[Event]) -> Node:
    bounded = {"type": "string", "minLength": 1, "maxLength": HEADER_CHARACTERS_MAX}
    time = {"type": "string", "format": "date-time", "pattern": TIMESTAMP_PATTERN}
    repeated = "The same event published again has the same id"
    return {
        "type": "object",
        "required": ["ce_id", "ce_source", "ce_type", "ce_specversion", "ce_time"],
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": {**bounded, "description": f"{repeated}; Weir's are uuid5 of topic, marketplace and identity."},
            "ce_source": {**bounded, "description": "Who publishes; an upstream's must be allowed by the marketplace."},
            "ce_type": {"type": "string", "const": event.type},
            "ce_time": {**time, "description": "When this event was emitted."},
            "ce_partitionkey": {"type": "string", "description": "The record's key."},
            "ce_origintime": {**time, "description": "ce_time of the order-paid that all of this goes back to."},
            "content-type": {"type": "string", "description": "application/json, also where it is absent."},
            "traceparent": {"type": "string", "description": "W3C trace context."},
        },
    }


def _dead_letter() -> Node:
    facts = {
        "topic": "Where the record stood.",
        "partition": "The same.",
        "offset": "The same.",
        "timestamp-ms": "The record's timestamp.",
        "service": "Whose dead letter it is.",
        "attempts": "How often it was tried.",
        "first-failed-at": "When it failed first.",
        "last-failed-at": "When it failed last.",
        "error": "Why, at most 1,000 characters.",
        "code-version": "Version of the code that gave up.",
        "disposition": "malformed, contract or business.",
        "value-sha256": "Of a value that was too large to keep whole.",
        "value-bytes": "The same.",
    }
    headers = {f"weir-dlq-{name}": {"type": "string", "description": text} for name, text in facts.items()}
    return {
        "name": "weir.dead-letter",
        "title": "Dead letter",
        "summary": _DEAD_LETTER.splitlines()[0],
        "description": _DEAD_LETTER,
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": headers},
        "bindings": {"kafka": {"key": {"type": "string", "description": "As it came."}, "bindingVersion": BINDING}},
    }
