"""The loop on the real Kafka and MongoDB: every record reaches exactly one place, whatever happens on the way."""

import asyncio
import contextvars
import gc
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from tests.shared.probe import Probe, acknowledged, away, count_of, stored, until

from shared import intake, subscriptions
from shared.intake import Intake
from shared.messages import OrderPaid
from shared.outbox import Outgoing
from shared.publisher import Publisher, PublishError
from shared.record import Batch
from shared.work import Work

pytestmark = pytest.mark.infra


async def test_every_order_is_stored_once_and_answered_once(it: Probe) -> None:
    """What was published before the group existed counts too: fails when a new group starts at `latest`."""
    orders = [it.order(number) for number in range(50)]
    await it.send(*orders)
    async with it.running() as service:
        answers = await it.published(it.given.topic, 50)
        await it.send(*orders)
        await it.send(it.order("last"))
        await stored(service, 51)
        assert {answer.key for answer in answers} == {order.key.encode() for order in orders}

        async def forgotten() -> bool:
            return await count_of(service.database, "outbox") == 0

        await until(forgotten)
    assert len(await it.published(it.given.topic, 51)) == 51
    assert await it.committed() == await it.ends()


BAD_SENT: dict[str, dict[str, Any]] = {
    "null header": {"headers": [("ce_id", None)]},
    "no text in a header": {"headers": [("ce_id", b"\xff\xfe")]},
    "no envelope": {"headers": []},
    "not JSON": {"value": b"{"},
    "not UTF-8": {"value": b'{"x":"\xff"}'},
    "tombstone": {"value": None},
    "not the contract": {"value": b'{"marketplace":"test-kit"}'},
    "wrong key": {"key": b"test-kit/other"},
    "no key": {"key": None},
}
REASONS = {
    "null header": "malformed: header ce_id is null",
    "no text in a header": "malformed: header ce_id is not UTF-8",
    "no envelope": "malformed: header ce_id is missing",
    "not JSON": "malformed: not_json",
    "not UTF-8": "malformed: not_json",
    "tombstone": "malformed: value_missing",
    "not the contract": "contract: contract: ",
    "wrong key": "contract: key_differs",
    "no key": "contract: key_differs",
}


async def test_a_bad_record_costs_no_other_record_its_place(it: Probe) -> None:
    """Each goes to the dead letters with its cause; FastStream's parser would skip it, with its whole batch."""
    sent: list[str] = []
    for number, (name, changes) in enumerate(BAD_SENT.items()):
        await it.send(it.order(f"good-{number}"), partition=0)
        await it.send(it.order(f"bad-{number}"), partition=0, **changes)
        sent.append(name)
    await it.send(it.order("good-last"), it.order("bad-last", marketplace="nobody"), partition=0)
    async with it.running() as service:
        letters = await it.published(it.dead_letters, len(sent) + 1)
        await stored(service, len(sent) + 1)
        await acknowledged(it)
        assert await count_of(service.database, "parks") == 0
    for number, letter in enumerate(letters[:-1]):
        headers = dict(letter.headers)
        assert headers["weir-dlq-topic"] == it.taken.topic.encode()
        assert (headers["weir-dlq-partition"], headers["weir-dlq-offset"]) == (b"0", str(number * 2 + 1).encode())
        assert headers["weir-dlq-service"] == b"probe"
        assert headers["weir-dlq-attempts"] == b"1"
        assert {"weir-dlq-timestamp-ms", "weir-dlq-first-failed-at", "weir-dlq-last-failed-at"} <= headers.keys()
        assert headers["weir-dlq-code-version"]
        said = f"{headers['weir-dlq-disposition'].decode()}: {headers['weir-dlq-error'].decode()}"
        assert said.startswith(REASONS[sent[number]])
        order = BAD_SENT[sent[number]]
        assert letter.value == order.get("value", letter.value)
        assert letter.key == order.get("key", f"test-kit/bad-{number}".encode())
    assert dict(letters[-1].headers)["weir-dlq-error"] == b"marketplace_unknown"


async def test_a_record_that_is_too_large_is_cut_and_known_by_its_hash(it: Probe) -> None:
    """Small on the wire, over 1 MiB once decompressed: its letter must fit its own topic."""
    large = b'{"x":"' + b"y" * 3_000_000 + b'"}'
    await it.send(it.order(1), value=large, compression="gzip", partition=0)
    await it.send(it.order(2), partition=0)
    async with it.running() as service:
        [letter] = await it.published(it.dead_letters, 1)
        await stored(service, 1)
    headers = dict(letter.headers)
    assert letter.value == large[:65_536]
    assert headers["weir-dlq-value-sha256"] == hashlib.sha256(large).hexdigest().encode()
    assert headers["weir-dlq-error"] == b"record_too_large"


async def test_a_record_redriven_for_one_service_is_skipped_by_the_others(it: Probe) -> None:
    plain = it.order(0)
    await it.send(plain)
    for name in ("other", "probe"):
        record = it.received(it.order(name))[0].raw
        await it.send(it.order(name), headers=[*record.headers, ("weir-only-service", name.encode())])
    async with it.running() as service:
        await stored(service, 2)
        await acknowledged(it)
        assert await service.database["orders"].count_documents({"_id": "test-kit/other"}) == 0


async def test_what_a_crash_left_is_published_before_anything_new_and_in_order(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between commit and publish. Fails when leftovers wait for the relay, or the batch is acked early."""
    await it.send(*(it.order(number) for number in range(250)), partition=0)
    with monkeypatch.context() as crashing:
        crashing.setattr(Publisher, "publish", away)
        async with it.running() as service:
            await stored(service, 250)
    assert await it.committed() == {}
    await it.send(*(it.order(number) for number in range(250, 300)), partition=0)
    async with it.running() as service:
        answers = await it.published(it.given.topic, 300)
        await acknowledged(it)
        assert await count_of(service.database, "outbox") == 0
    order = [int(answer.key.rpartition(b"/")[2]) for answer in answers]
    assert len(order) == 300
    by_partition: dict[int, list[int]] = {}
    for answer, number in zip(answers, order, strict=True):
        by_partition.setdefault(answer.partition, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_partition.values())


async def test_a_crash_between_publish_and_acknowledgement_repeats_nothing(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records come again and are told from new ones. Fails when they are acknowledged before they are published."""
    stuck = asyncio.Event()

    async def crash(*_: object) -> None:
        stuck.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(subscriptions, "GRACE_S", 0.2)
    await it.send(*(it.order(number) for number in range(30)))
    with monkeypatch.context() as crashing:
        crashing.setattr(Intake, "_ack", crash)
        async with it.running():
            await stuck.wait()
    assert await it.committed() == {}
    await it.send(it.order("last"))
    async with it.running() as service:
        await stored(service, 31)
        await acknowledged(it)
    answers = await it.published(it.given.topic, 31)
    assert len({answer.key for answer in answers}) == len(answers) == 31


async def test_after_a_failed_publish_the_answers_go_out_before_the_next_batch(
    it: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails when only the batch is tried again: its records are repeats by then, their answers left over."""
    really, failures = Publisher.publish, 2

    async def away_at_first(publisher: Publisher, records: Sequence[Outgoing]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            message = "away"
            raise PublishError(message)
        await really(publisher, records)

    monkeypatch.setattr(Publisher, "publish", away_at_first)
    await it.send(*(it.order(number) for number in range(10)), partition=0)
    async with it.running(ready=False) as service:
        await it.published(it.given.topic, 10)
        await acknowledged(it)
        assert await count_of(service.database, "outbox") == 0


async def test_the_order_of_a_key_is_kept_over_many_batches(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 7)
    seen: dict[str, list[int]] = {}

    async def note(batch: Batch[OrderPaid], _: Work) -> None:
        for received in batch:
            seen.setdefault(received.event.order_id, []).append(int(received.event.buyer))

    it.before.append(note)
    await it.send(*(it.order(number % 5, buyer=str(number)) for number in range(300)))
    async with it.running():
        await acknowledged(it)
    assert {name: sorted(numbers) for name, numbers in seen.items()} == seen
    assert sum(len(numbers) for numbers in seen.values()) == 300


async def test_a_batch_is_freed_when_it_is_done(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when something of a fetch refers to itself, or the context it was handled in to all of it.

    A cancelled timer keeps its context until the loop throws it out. One record of a fetch may stay, for FastStream's
    log.
    """
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 5)
    contexts: list[contextvars.Context] = []

    async def note(_batch: Batch[OrderPaid], _: Work) -> None:
        contexts.append(contextvars.copy_context())

    it.before.append(note)
    await it.send(*(it.order(number) for number in range(50)))
    gc.disable()
    try:
        async with it.running():
            await acknowledged(it)
            gc.unfreeze()  # a service that starts has the collector pass over what is there, and get_objects with it
            left = [found for found in gc.get_objects() if type(found) is ConsumerRecord]
    finally:
        gc.enable()
    assert len(contexts) >= 10
    ours = [record for record in left if record.topic == it.taken.topic]
    assert len(ours) <= len(contexts) + 5  # the loop that polls may still hold its last fetch


def test_a_fetch_is_cut_into_batches_of_at_most_1500_kb_at_a_record_boundary(it: Probe) -> None:
    [record] = it.received(it.order(1))
    size = record.raw.size
    batches = intake._bounded([record.raw] * (4_000_000 // size))  # noqa: SLF001 - what a fetch goes through
    assert len(batches) == 3
    assert all(sum(raw.size for raw in batch) <= intake.BATCH_BYTES_MAX for batch in batches)
    assert sum(len(batch) for batch in batches) == 4_000_000 // size
