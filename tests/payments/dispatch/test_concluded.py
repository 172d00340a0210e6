"""When a hand-over is concluded: with its last item, and never while one of them is only left behind."""

import asyncio

import pytest
from tests.payments.dispatch.sent import HERE, THERE, Sent, item, running
from tests.payments.edge import until

from payments.dispatch.lanes import Lanes, NotRecordedError, lane
from shared.commits import ConflictError


async def _seen(concluded: list[str]) -> list[str]:
    return list(concluded)


async def test_a_hand_over_is_concluded_with_its_last_item_and_the_next_steps_of_it() -> None:
    sent, concluded = Sent(), list[str]()
    gate = asyncio.Event()

    async def note(handovers: list[str]) -> None:
        concluded.extend(handovers)

    async with running(sent) as some:

        async def first_step(batch: list[str]) -> bool:
            if "a" in batch and not gate.is_set():
                gate.set()
                some.hand(HERE, [item("a")])
            return True

        some.concluded = note
        sent.answers[HERE] = first_step
        some.hand(HERE, [item("a", 600), item("b", 600)], "h1")
        await sent.until_sent("b")
        some.hand(HERE, [item("c")], "h2")
        await sent.until_sent("c")
        await until(lambda: _seen(concluded), lambda seen: len(seen) == 2)
    assert [it for batch in sent.batches for it in batch].count("a") == 2
    assert sorted(concluded) == ["h1", "h2"]


async def test_what_failed_to_be_recorded_keeps_its_hand_over_open() -> None:
    """Fails when it is concluded all the same: the sweep would never find it."""
    sent, concluded = Sent(), list[str]()

    async def note(handovers: list[str]) -> None:
        concluded.extend(handovers)

    async def broken(_: list[str]) -> bool:
        message = "the store is away"
        raise RuntimeError(message)

    sent.answers[HERE] = broken
    async with running(sent) as some:
        some.concluded = note
        some.hand(HERE, [item("a")], "h1")
        await sent.until_sent("a")
        some.hand(THERE, [item("b")], "h2")
        await until(lambda: _seen(concluded), lambda seen: "h2" in seen)
    assert concluded == ["h2"]


async def test_what_alone_cannot_be_recorded_is_left_to_the_sweep_and_the_rest_is_concluded() -> None:
    """Fails when the batch is put back, or dropped, whole: its neighbours would never be concluded."""
    sent, concluded = Sent(), list[str]()

    async def note(handovers: list[str]) -> None:
        concluded.extend(handovers)

    async def contradict(batch: list[str]) -> bool:
        if "b" in batch and len(sent.batches) == 1:
            raise NotRecordedError([(batch[1], ConflictError("b is not as it was", may_last=True))], answered=True)
        return True

    sent.answers[HERE] = contradict
    some = Lanes("test", sent.send, sent.on_recovered)
    some.concluded = note
    some.hand(HERE, [item("a")], "h1")
    some.hand(HERE, [item("b")], "h2")
    some.hand(HERE, [item("c")], "h3")
    task = asyncio.create_task(some.run())
    await until(lambda: _seen(concluded), lambda seen: len(seen) == 2)
    assert concluded == ["h1", "h3"]
    some.hand(HERE, [item("b")], "h2")  # the sweep
    await until(lambda: _seen(concluded), lambda seen: len(seen) == 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sent.batches == [["a", "b", "c"], ["b"]]


async def test_a_hand_over_without_room_is_put_off_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "WAITING_MAX", 2)
    sent, put_off, gate = Sent(), list[str](), asyncio.Event()

    async def note(handovers: list[str]) -> None:
        put_off.extend(handovers)

    async def wait(_: list[str]) -> bool:
        return await gate.wait()

    sent.answers[HERE] = wait
    async with running(sent) as some:
        some.reload = note
        some.hand(HERE, [item("a"), item("b")], "h1")
        some.hand(HERE, [item("c"), item("d")], "h2")
        await sent.until_sent("b")
        gate.set()
        await until(lambda: _seen(put_off), lambda seen: seen == ["h2"])
    assert sent.batches == [["a", "b"]]
