"""How a plan is played: in its order, at its moments, and later where a part has not come up yet."""

import asyncio
import time
from typing import Any

import pytest
from tests.chaos import faults
from tests.chaos.faults import Player
from tests.chaos.parts import Parts
from tests.chaos.plan import AT_ONCE, Round, Step

SLOW_S = 0.3


class Noted(Parts):
    """No processes: notes what is done, and when. `slow` comes up late."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.at: list[float] = []

    def _note(self, verb: str, part: str) -> None:
        self.done.append((verb, part))
        self.at.append(time.monotonic())

    async def serving(self, part: str) -> None:
        await asyncio.sleep(SLOW_S if part == "slow" else 0)

    async def start(self, part: str) -> None:
        self._note("start", part)

    async def kill(self, part: str) -> None:
        self._note("kill", part)

    async def stop(self, part: str) -> None:
        self._note("stop", part)

    async def step_down(self, seconds: int) -> None:
        self._note("step_down", str(seconds))


async def played(*steps: Step) -> Noted:
    parts, began = Noted(), list[Round]()
    rounds = [Round(1, "first", 0, 0.1, steps), Round(2, "second", 0.1, 0.1, (Step(0.15, "start", "last"),))]
    await Player(parts, began.append).play(rounds)
    assert began == rounds
    return parts


async def test_steps_are_played_in_the_order_of_their_moments() -> None:
    parts = await played(
        Step(0.12, "start", "a"), Step(0.02, "kill", "a"), Step(0.04, "stop", "b"), Step(0.06, "step_down", "m", "3")
    )
    assert parts.done == [("kill", "a"), ("stop", "b"), ("step_down", "3"), ("start", "a"), ("start", "last")]


async def test_a_step_waits_until_its_part_has_come_up_and_all_later_ones_move_with_it() -> None:
    parts = await played(Step(0.0, "start", "slow"), Step(0.02, "kill", "slow"), Step(0.05, "start", "slow"))
    started, killed, again, last = parts.at
    assert killed - started >= SLOW_S
    assert again - killed >= 0.02
    assert last - again >= 0.08


async def test_a_kill_at_once_does_not_wait() -> None:
    parts = await played(Step(0.0, "start", "slow"), Step(0.02, "kill", "slow", AT_ONCE))
    assert parts.at[1] - parts.at[0] < SLOW_S


async def test_a_part_that_never_comes_up_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: Any, __: str) -> None:  # noqa: ANN401 - whichever part
        await asyncio.Event().wait()

    monkeypatch.setattr(faults, "WAIT_S_MAX", 0.05)
    monkeypatch.setattr(Noted, "serving", never)
    with pytest.raises(ExceptionGroup) as failed:
        await played(Step(0.0, "kill", "dead"))
    assert failed.group_contains(TimeoutError)
