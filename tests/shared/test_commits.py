"""One unit, one transaction: run again on conflict, published after, told from an outage."""

import gc
import weakref
from collections.abc import AsyncIterator

import pytest
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError
from tests.shared.probe import Probe, away, count_of

from shared import commits
from shared.commits import ConflictError, OutageError
from shared.messages import OrderPaid
from shared.publisher import Publisher
from shared.service import Service
from shared.work import CompareFailedError, Work

pytestmark = pytest.mark.infra


@pytest.fixture
async def service(it: Probe) -> AsyncIterator[Service]:
    async with it.resting() as service:
        yield service


@pytest.fixture
def event(it: Probe) -> OrderPaid:
    order = it.order(1)
    return it.given(**{name: getattr(order, name) for name in order.__struct_fields__})


async def test_a_request_is_stored_published_and_forgotten(it: Probe, service: Service, event: OrderPaid) -> None:
    async def decide(work: Work) -> str:
        work.insert("orders", {"_id": 1})
        work.publish(event)
        assert work.stripe == "api#0"
        return "decided"

    assert await service.commits.run(decide) == "decided"
    [record] = await it.published(it.given.topic, 1)
    assert record.key == event.key.encode()
    assert await count_of(service.database, "orders") == 1
    assert await count_of(service.database, "outbox") == 0


async def test_a_conflict_runs_the_unit_again_on_what_is_there_now(service: Service) -> None:
    """Fails when the unit is not decided anew: both would write the balance that they read."""
    await service.database["orders"].insert_one({"_id": "balance", "revision": 0, "minor": 0})
    seen: list[int] = []

    async def add(work: Work) -> None:
        found = await service.database["orders"].find_one({"_id": "balance"}, session=work.session)
        assert found is not None
        seen.append(found["minor"])
        if len(seen) == 1:
            await service.commits.run(add)  # another comes in between
        work.update("orders", "balance", {"$inc": {"revision": 1}, "$set": {"minor": found["minor"] + 1}})

    await service.commits.run(add)
    assert seen == [0, 0, 1]
    assert await service.database["orders"].find_one() == {"_id": "balance", "revision": 2, "minor": 2}


async def test_after_ten_conflicts_it_gives_up_and_nothing_is_stored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "BACKOFF_S", 0.0)
    attempts: list[int] = []

    async def decide(work: Work) -> None:
        attempts.append(1)
        work.insert("orders", {"_id": len(attempts)})
        raise CompareFailedError

    with pytest.raises(ConflictError):
        await service.commits.run(decide)
    assert len(attempts) == 10
    assert await count_of(service.database, "orders") == 0


async def test_callbacks_run_once_and_only_after_the_commit(service: Service) -> None:
    called: list[str] = []

    async def decide(work: Work) -> None:
        work.after_commit(lambda: called.append("done"))
        if not called and await count_of(service.database, "orders") == 0:
            await service.database["orders"].insert_one({"_id": "first try"})
            raise CompareFailedError

    await service.commits.run(decide)
    assert called == ["done"]


async def test_without_kafka_a_request_succeeds_and_its_event_waits_in_the_outbox(
    service: Service, event: OrderPaid, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def decide(work: Work) -> None:
        work.insert("orders", {"_id": 1})
        work.publish(event)

    monkeypatch.setattr(Publisher, "publish", away)
    await service.commits.run(decide, origin="clock")
    assert await count_of(service.database, "orders") == 1
    [letter] = await service.database["outbox"].find().to_list(None)
    assert (letter["group"], letter["partition"]) == ("clock", -1)
    assert service.commits.unpublished.is_set()


async def test_a_bug_leaves_nothing_behind_and_is_not_hidden(service: Service) -> None:
    async def decide(work: Work) -> None:
        work.insert("orders", {"_id": 1})
        message = "a bug"
        raise ZeroDivisionError(message)

    with pytest.raises(ZeroDivisionError):
        await service.commits.run(decide)
    assert await count_of(service.database, "orders") == 0


@pytest.mark.parametrize(
    "error", [AutoReconnect("gone"), OperationFailure("not authorised", 13), OperationFailure("disk full", 14031)]
)
async def test_a_store_that_cannot_be_used_is_an_outage_and_never_the_records_fault(
    service: Service, error: PyMongoError
) -> None:
    async def decide(_: Work) -> None:
        raise error

    with pytest.raises(OutageError):
        await service.commits.run(decide)


async def test_a_commit_of_unknown_outcome_is_sent_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when the unit is given up instead: it would be run again although it may be stored."""
    sent: list[int] = []
    async with await service.client.start_session() as any_session:
        session_class = type(any_session)
    really = session_class.commit_transaction

    async def answer_is_lost(session: object) -> None:
        sent.append(1)
        await really(session)  # type: ignore[arg-type]
        if len(sent) < 3:
            message = "lost"
            raise AutoReconnect(message, {"errorLabels": ["UnknownTransactionCommitResult"]})

    async def decide(work: Work) -> None:
        work.insert("orders", {"_id": 1})

    monkeypatch.setattr(session_class, "commit_transaction", answer_is_lost)
    await service.commits.run(decide)
    assert len(sent) == 3
    assert await count_of(service.database, "orders") == 1


async def test_a_transaction_that_was_cut_off_blocks_nobody(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its session is ended before the next try: fails when the server is left to notice by itself, after 60 s."""
    kept: list[object] = []

    async def cut_off(work: Work) -> None:
        await service.database["orders"].insert_one({"_id": 1}, session=work.session)
        kept.append(work.session)
        message = "gone"
        raise AutoReconnect(message)

    async def decide(work: Work) -> None:
        work.insert("orders", {"_id": 1})

    async def does_not_get_through(_: object) -> None:
        """Stand for the abort, and for the leave, that the cut line takes with it."""

    async with await service.client.start_session() as any_session:
        session_class, driver_class = type(any_session), type(any_session.delegate)
    with monkeypatch.context() as line:
        line.setattr(session_class, "abort_transaction", does_not_get_through)
        line.setattr(driver_class, "__exit__", lambda *_: None)
        with pytest.raises(OutageError):
            await service.commits.commit(cut_off, stripe="s", group="g")
    await service.commits.commit(decide, stripe="s", group="g")
    assert await count_of(service.database, "orders") == 1


async def test_a_unit_is_freed_when_it_is_done_whatever_its_callbacks_hold(service: Service) -> None:
    """Fails when the callbacks stay with the unit: it would hold all its documents until the collector comes by."""
    gc.disable()
    try:

        async def decide(work: Work) -> None:
            work.after_commit(lambda: work.insert("orders", {}))

        _, work, _ = await service.commits.commit(decide, stripe="api#0", group="api")
        unit = weakref.ref(work)
        del work
        assert unit() is None
    finally:
        gc.enable()
