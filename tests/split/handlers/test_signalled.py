"""Work behind the commits: each key in its turn, whatever becomes of the others."""

import asyncio

import pytest

from shared.commits import OutageError
from split.handlers.signalled import Signalled


class Worker:
    """Does what a test says of a key, once for each time that it is asked."""

    def __init__(self, *mishaps: tuple[str, Exception]) -> None:
        self.asked: list[str] = []
        self._mishaps = list(mishaps)

    async def __call__(self, key: str) -> int:
        await asyncio.sleep(0)
        self.asked.append(key)
        for place, (of, mishap) in enumerate(self._mishaps):
            if of == key:
                del self._mishaps[place]
                raise mishap
        return 1


async def worked(keys: Signalled, worker: Worker, count: int) -> list[str]:
    """Run until so many keys were worked on, or nothing more comes; return them."""
    task = asyncio.create_task(keys.run())
    async with asyncio.timeout(10):
        while len(worker.asked) < count:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.03)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return worker.asked


async def test_a_key_is_worked_off_once_however_often_it_is_signalled_before() -> None:
    keys = Signalled("test", worker := Worker())
    for key in ("a", "b", "a"):
        keys.signal(key)
    assert await worked(keys, worker, 2) == ["a", "b"]


async def test_what_meets_an_outage_is_tried_again_where_that_is_wanted_and_else_left_to_the_sweep() -> None:
    again = Signalled("test", first := Worker(("a", OutageError())), 0.005)
    again.signal("a")
    assert await worked(again, first, 2) == ["a", "a"]
    left = Signalled("test", second := Worker(("a", OutageError())))
    left.signal("a")
    assert await worked(left, second, 1) == ["a"]


async def test_a_key_that_fails_stops_no_other() -> None:
    keys = Signalled("test", worker := Worker(("broken", ZeroDivisionError())))
    keys.signal("broken")
    keys.signal("a")
    assert await worked(keys, worker, 2) == ["broken", "a"]


async def test_a_sweep_counts_what_it_changed_passes_bugs_over_and_ends_with_an_outage() -> None:
    keys = Signalled("test", worker := Worker(("broken", ZeroDivisionError()), ("away", OutageError())))
    assert await keys.sweep(["a", "broken", "b"]) == 2
    with pytest.raises(OutageError):
        await keys.sweep(["away", "c"])
    assert worker.asked == ["a", "broken", "b", "away"]
