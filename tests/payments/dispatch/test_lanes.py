"""Lanes: batches in order, one slow institution alone, nothing lost while one is away."""

import asyncio

import pytest
from tests.payments.dispatch.sent import HERE, THERE, Sent, item, running
from tests.payments.edge import until

from payments.channels.port import NotSentError, RateLimitedError
from payments.dispatch import lanes
from payments.dispatch.lanes import Lanes, Line, NotRecordedError, Pace, lane
from shared.commits import ConflictError, OutageError


async def test_what_is_handed_in_together_travels_together_and_in_order() -> None:
    sent = Sent()
    async with running(sent) as some:
        some.hand(HERE, [item("a"), item("b"), item("c")])
        await sent.until_sent("c")
    assert sent.batches == [["a", "b", "c"]]


async def test_a_request_has_at_most_1000_instructions_unless_one_item_alone_has_more() -> None:
    sent = Sent()
    async with running(sent) as some:
        some.hand(HERE, [item("a", 600), item("b", 400), item("c", 1), item("d", 1_001), item("e", 1)])
        await sent.until_sent("e")
    assert sent.batches == [["a", "b"], ["c"], ["d"], ["e"]]


async def test_a_slow_institution_stops_only_its_own_lane() -> None:
    sent, never = Sent(), asyncio.Event()

    async def hang(_: list[str]) -> bool:
        return await never.wait()

    sent.answers[HERE] = hang
    async with running(sent) as some:
        some.hand(HERE, [item("slow")])
        await sent.until_sent("slow")
        some.hand(THERE, [item("quick")])
        await sent.until_sent("quick")
    assert sent.recovered == [THERE]


async def test_what_could_not_be_sent_is_sent_again_before_what_came_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "BACKOFF_FIRST_S", 0.01)
    sent, refusals = Sent(), iter([True, True, False])

    async def refuse_twice(_: list[str]) -> bool:
        if next(refusals, False):
            raise NotSentError
        return True

    sent.answers[HERE] = refuse_twice
    async with running(sent) as some:
        some.hand(HERE, [item("a")])
        await sent.until_sent("a")
        some.hand(HERE, [item("b", 1_000)])
        await sent.until_sent("b")
    assert sent.batches == [["a"], ["a"], ["a"], ["b"]]
    assert sent.recovered == [HERE]


async def test_a_silent_institution_is_probed_with_one_item_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails when it gets a whole batch: all of it would be unknown, and have to be asked after."""
    monkeypatch.setattr(lanes, "BACKOFF_FIRST_S", 0.01)
    sent, answers, seen = Sent(), iter([False, False, True]), asyncio.Event()

    async def answer(batch: list[str]) -> bool:
        if batch == ["b"]:
            await seen.wait()
        return next(answers, True)

    sent.answers[HERE] = answer
    async with running(sent) as some:
        some.hand(HERE, [item("a", 1_000), *(item(it) for it in "bcde")])
        await sent.until_sent("b")
        assert some.open() == {"sandbox-direct": 1}
        seen.set()
        await sent.until_sent("e")
        assert some.open() == {}
    assert sent.batches == [["a"], ["b"], ["c"], ["d", "e"]]


async def test_an_institution_that_was_asked_too_often_is_left_alone_for_as_long_as_it_says() -> None:
    """Fails when that counts as a failure: the account's lane would open, and wait for longer each time."""
    sent, refusals = Sent(), iter([True])

    async def refuse_once(_: list[str]) -> bool:
        if next(refusals, False):
            message = "too often"
            raise RateLimitedError(message, 0.05)
        return True

    sent.answers[HERE] = refuse_once
    async with running(sent) as some:
        some.hand(HERE, [item("a"), item("b")])
        await sent.until_sent("a")
        assert some.open() == {}
        await until(lambda: asyncio.sleep(0, sent.batches), lambda it: len(it) == 2)
    assert sent.batches == [["a", "b"], ["a", "b"]]


async def test_no_more_items_leave_in_a_second_than_the_profile_allows_and_other_accounts_do_not_wait() -> None:
    sent, now = Sent(), [0.0]
    paces = {HERE: Pace(2, lambda: now[0])}
    some = Lanes("test", sent.send, sent.on_recovered, lambda line: paces.get(line) or Pace())
    task = asyncio.create_task(some.run())
    some.hand(HERE, [item(it) for it in "abcde"])
    some.hand(THERE, [item("quick")])
    await sent.until_sent("b", "quick")
    await asyncio.sleep(0.02)
    assert [it for it in sent.batches if it != ["quick"]] == [["a", "b"]]
    now[0] += 0.6
    await sent.until_sent("c")
    now[0] += 10.0
    await sent.until_sent("e")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [it for it in sent.batches if it != ["quick"]] == [["a", "b"], ["c"], ["d", "e"]]


async def test_a_lane_that_answers_again_says_so_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "BACKOFF_FIRST_S", 0.01)
    sent, answers = Sent(), iter([True, False, True, True])

    async def answer(_: list[str]) -> bool:
        return next(answers)

    sent.answers[HERE] = answer
    async with running(sent) as some:
        for identity in ("a", "b", "c", "d"):
            some.hand(HERE, [item(identity)])
            await sent.until_sent(identity)
    assert sent.recovered == [HERE, HERE]


async def test_silence_and_an_answer_count_as_such_whatever_of_them_can_be_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails when they count as nothing: no longer wait for who is silent, and none the shorter for who is back."""
    counted = list[int]()

    def count(failures: int) -> float:
        counted.append(failures)
        return 0.0

    monkeypatch.setattr(lanes, "_backoff", count)
    sent, answers = Sent(), iter([False, False, True, False])

    async def spoil_one(batch: list[str]) -> bool:
        raise NotRecordedError([(batch[0], KeyError())], answered=next(answers))

    sent.answers[HERE] = spoil_one
    async with running(sent) as some:
        for identity in ("a", "b", "c", "d"):
            some.hand(HERE, [item(identity)])
            await sent.until_sent(identity)
        await until(lambda: asyncio.sleep(0, counted), lambda it: len(it) == 4)
    assert counted == [1, 2, 0, 1]
    assert sent.recovered == [HERE]


async def test_the_next_step_of_what_is_being_sent_waits_for_its_turn() -> None:
    sent, under_way, gate = Sent(), set[str](), asyncio.Event()

    async def one_at_a_time(batch: list[str]) -> bool:
        assert under_way.isdisjoint(batch)
        under_way.update(batch)
        await gate.wait()
        under_way.difference_update(batch)
        return True

    sent.answers[HERE] = one_at_a_time
    async with running(sent) as some:
        some.hand(HERE, [item("a")])
        await sent.until_sent("a")
        some.hand(HERE, [item("a"), item("a"), item("b", 1_000)])
        await sent.until_sent("b")
        assert sent.batches == [["a"], ["b"]]
        gate.set()
        some.hand(HERE, [item("c", 1_000)])
        await sent.until_sent("c")
    assert sent.batches == [["a"], ["b"], ["a"], ["c"]]


@pytest.mark.parametrize("away", [OutageError("MongoDB is away"), ConflictError("another writes it too")])
async def test_what_could_not_be_stored_is_asked_again_by_the_lane_itself(
    monkeypatch: pytest.MonkeyPatch, away: Exception
) -> None:
    """Fails when it is dropped: a short outage of MongoDB then costs the 30 s until the sweep."""
    monkeypatch.setattr(lanes, "BACKOFF_FIRST_S", 0.01)
    sent, failures = Sent(), iter([True, True])

    async def fail_twice(_: list[str]) -> bool:
        if next(failures, False):
            raise away
        return True

    sent.answers[HERE] = fail_twice
    async with running(sent) as some:
        some.hand(HERE, [item("a"), item("b")])

        async def look() -> int:
            return len(sent.batches)

        await until(look, lambda count: count == 3)
        await until(lambda: asyncio.sleep(0, sent.recovered), lambda it: it == [HERE])
    assert sent.batches == [["a", "b"]] * 3


async def test_a_failure_inside_is_left_to_the_sweep_and_the_lane_goes_on() -> None:
    sent, failures = Sent(), iter([True])

    async def fail_once(_: list[str]) -> bool:
        if next(failures, False):
            raise RuntimeError
        return True

    sent.answers[HERE] = fail_once
    async with running(sent) as some:
        some.hand(HERE, [item("a")])
        await sent.until_sent("a")
        some.hand(HERE, [item("b")])
        await sent.until_sent("b")
    assert sent.batches == [["a"], ["b"]]


@pytest.mark.parametrize(("limit", "value"), [("WAITING_MAX", 2), ("WAITING_BYTES_MAX", 2)])
async def test_a_full_lane_leaves_the_rest_to_the_sweep(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(lane, limit, value)
    sent = Sent()
    some = Lanes("test", sent.send, sent.on_recovered)
    some.hand(HERE, [item("a"), item("b"), item("c")])
    task = asyncio.create_task(some.run())
    await sent.until_sent("b")
    some.hand(HERE, [item("d")])
    await sent.until_sent("d")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sent.batches == [["a", "b"], ["d"]]


async def test_lanes_of_accounts_with_nothing_to_do_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "LANES_MAX", 1)
    sent = Sent()
    async with running(sent) as some:
        for identity in ("a", "b", "c"):
            some.hand(Line("sandbox-direct", identity), [item(identity)])
            await sent.until_sent(identity)
            await asyncio.sleep(0)
    assert len(sent.batches) == 3


async def test_what_is_handed_in_while_stopping_is_left_to_the_sweep() -> None:
    sent = Sent()
    async with running(sent) as some:
        pass
    some.hand(HERE, [item("a")])
    assert sent.batches == []
