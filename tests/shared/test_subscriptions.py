"""How every consumer is declared, and a fetch that fails."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from faststream import AckPolicy
from tests.shared.probe import Probe, stored

from shared import subscriptions

pytestmark = pytest.mark.infra


async def test_a_consumer_is_declared_as_the_guarantee_needs_it(it: Probe) -> None:
    """FastStream's defaults start at `latest` and acknowledge first: each loses records."""
    async with it.running() as service:
        [subscriber] = service.intake.subscribers
        consumer: AIOKafkaConsumer = subscriber.consumer
        assert subscriber.ack_policy is AckPolicy.MANUAL
        assert consumer._auto_offset_reset == "earliest"  # noqa: SLF001 - what really runs
        assert consumer._enable_auto_commit is False  # noqa: SLF001 - the same
        assert consumer._group_id == it.group  # noqa: SLF001 - the same
        assert consumer._rebalance_timeout_ms == 30_000  # noqa: SLF001 - the same
        assert consumer._session_timeout_ms == 15_000  # noqa: SLF001 - the same
        assert consumer._heartbeat_interval_ms == 1_000  # noqa: SLF001 - the same
        assert consumer._isolation_level == "read_uncommitted"  # noqa: SLF001 - Weir writes no Kafka transactions
        assert service.broker.config.broker_config.consumer_only


async def test_a_fetch_that_fails_after_it_moved_on_loses_nothing(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client moves past what it has read before another partition's bytes raise: fails without the rewind."""
    monkeypatch.setattr(subscriptions, "UNREADABLE_PAUSE_S", 0.1)
    monkeypatch.setattr(subscriptions, "BATCH_RECORDS_MAX", 10)
    really, failures = AIOKafkaConsumer.getmany, [3, 4]
    calls = 0

    async def fails_twice(consumer: AIOKafkaConsumer, *places: Any, **options: Any) -> dict[Any, Sequence[Any]]:  # noqa: ANN401 - aiokafka is untyped
        nonlocal calls
        found: dict[Any, Sequence[Any]] = await really(consumer, *places, **options)
        calls += bool(found)
        if found and calls in failures:
            message = "unreadable"
            raise ValueError(message)
        return found

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", fails_twice)
    await it.send(*(it.order(number) for number in range(80)))
    async with it.running() as service:
        await stored(service, 80)
        assert calls > max(failures)
        labels = {"topic": it.taken.topic, "reason": "unreadable"}
        assert service.metrics.get_sample_value("weir_consumer_paused", labels) == 0


async def test_a_failing_first_fetch_starts_again_at_the_beginning(it: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is committed yet, so there is no committed place to go back to."""
    monkeypatch.setattr(subscriptions, "UNREADABLE_PAUSE_S", 0.1)
    really, failed = AIOKafkaConsumer.getmany, False

    async def fails_once(consumer: AIOKafkaConsumer, *places: Any, **options: Any) -> dict[Any, Sequence[Any]]:  # noqa: ANN401 - aiokafka is untyped
        nonlocal failed
        found: dict[Any, Sequence[Any]] = await really(consumer, *places, **options)
        if found and not failed:
            failed = True
            message = "unreadable"
            raise ValueError(message)
        return found

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", fails_once)
    await it.send(*(it.order(number) for number in range(20)))
    async with it.running() as service:
        await stored(service, 20)
    assert failed
